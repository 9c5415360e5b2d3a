import type { KeyObject } from 'node:crypto'
import { CompactSign } from 'jose'
import { writeJson } from '../../util/json.ts'
import type { Claims } from './token.ts'

/** A private key that signs JWTs, with what their header says of it. */
export interface SigningKey {
  readonly id: string
  readonly algorithm: string
  readonly key: KeyObject
}

/** A JWT with these claims. Its header has `alg` and `kid`. */
export async function signedToken(claims: Claims, { id, algorithm, key }: SigningKey): Promise<string> {
  const payload = new TextEncoder().encode(writeJson(claims))
  return new CompactSign(payload).setProtectedHeader({ alg: algorithm, kid: id }).sign(key)
}
