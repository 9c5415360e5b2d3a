import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Fault } from '../../../../contract/fault.ts'
import type { SigningKey } from '../../../../crypto/jwt/sign.ts'
import { base64 } from '../../../../util/bytes.ts'
import type { Identity } from '../../identity.ts'
import { algorithms } from './key-record.ts'
import type { OidcKey, OidcPair, RetiredKey } from './key-record.ts'

/** The maximum number of public keys of one named key: manual rotations must not make the key set grow forever. */
const mostRetired = 100

/** Generates a pair, an RSA pair on another thread. @throws Fault unavailable when too many requests are waiting */
async function freshPair({ random, uuid }: Pick<Identity, 'random' | 'uuid'>, algorithm: string): Promise<OidcPair> {
  const type = algorithms[algorithm]
  if (!type) throw new Fault('internal', 'internal error')
  const { secretKey, publicKey } = await type.generate(random)
  const pair = { id: uuid(), privateKey: base64(secretKey), publicKey: base64(publicKey) }
  secretKey.fill(0)
  return pair
}

/** The pairs of one change. A retried transaction does not generate them again. */
export class FreshPairs {
  readonly #identity: Pick<Identity, 'random' | 'uuid'>
  readonly #made = new Map<string, Promise<OidcPair>>()

  constructor(identity: Pick<Identity, 'random' | 'uuid'>) {
    this.#identity = identity
  }

  async pair(algorithm: string, use: 'signing' | 'next'): Promise<OidcPair> {
    const slot = `${algorithm} ${use}`
    const pair = this.#made.get(slot) ?? freshPair(this.#identity, algorithm)
    this.#made.set(slot, pair)
    return pair
  }
}

/** The key with new pairs of its algorithm. Its current public keys still verify; expired ones are removed. */
export async function renewed(
  key: OidcKey,
  pairs: FreshPairs,
  before: OidcKey | undefined,
  now: number,
): Promise<OidcKey> {
  const [signing, next] = [await pairs.pair(key.algorithm, 'signing'), await pairs.pair(key.algorithm, 'next')]
  const retired = before ? afterRetiring(before, now, key.verificationTtl) : []
  return { ...key, signing, next, retired, nextRotation: now + key.rotationPeriod * 1000 }
}

/** The key after a rotation: the next pair signs. @param verificationTtl of the previous pair, seconds */
export async function rotated(
  key: OidcKey,
  pairs: FreshPairs,
  now: number,
  verificationTtl = key.verificationTtl,
): Promise<OidcKey> {
  if (!key.next) return renewed(key, pairs, undefined, now)
  const next = await pairs.pair(key.algorithm, 'next')
  const retired = afterRetiring(key, now, verificationTtl)
  return { ...key, signing: key.next, next, retired, nextRotation: now + key.rotationPeriod * 1000 }
}

function afterRetiring({ signing, algorithm, retired }: OidcKey, now: number, verificationTtl: number): RetiredKey[] {
  const own = signing && { id: signing.id, publicKey: signing.publicKey, algorithm, expiresAt: now + verificationTtl * 1000 } // prettier-ignore
  return [...(own ? [own] : []), ...retired].filter(({ expiresAt }) => expiresAt > now).slice(0, mostRetired)
}

/** The current signing key. @throws Fault internal if there is none */
export function signingKey({ signing, algorithm }: OidcKey): SigningKey {
  if (!signing) throw new Fault('internal', 'internal error')
  const key = createPrivateKey({ key: Buffer.from(signing.privateKey, 'base64'), format: 'der', type: 'pkcs8' })
  return { id: signing.id, algorithm, key }
}

/** A public key that verifies tokens. */
export interface PublishedKey {
  readonly kid: string
  readonly alg: string
  readonly key: KeyObject
  /** As in key sets. */
  readonly jwk: Readonly<Record<string, unknown>>
  /** Epoch milliseconds; undefined while its pair signs, or will sign. */
  readonly expiresAt: number | undefined
}

/** The public keys of a named key. */
export function publicKeys({ algorithm, signing, next, retired }: OidcKey): PublishedKey[] {
  const current = [signing, next].flatMap((pair) => (pair ? [{ ...pair, algorithm, expiresAt: undefined }] : []))
  return [...current, ...retired].map(({ id: kid, publicKey, algorithm: alg, expiresAt }) => {
    const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
    return { kid, alg, key, jwk: { use: 'sig', ...key.export({ format: 'jwk' }), kid, alg }, expiresAt }
  })
}
