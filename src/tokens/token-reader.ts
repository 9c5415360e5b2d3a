import { createHmac, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Fault } from '../contract/fault.ts'
import type { TokenRecord, TokenSpec } from '../contract/identity.ts'
import type { View } from '../contract/view.ts'
import { base62 } from '../util/base62.ts'
import { base64, fromBase64 } from '../util/bytes.ts'
import { batchClaims, batchRecord } from './batch.ts'
import { TokenSigner } from './jwt.ts'
import { isBase64, shapeOf } from '../util/stored/shape.ts'

type Random = (bytes: number) => Uint8Array

/** The content of a bearer string: the id of a token and, for batch tokens, its whole record. */
interface ParsedToken {
  readonly id: string
  readonly batch?: TokenRecord
}

/** Longer strings are none of ours. */
const longest = 8192

/**
 * The token strings of applications. A token's id is a keyed hash of a JWT's `jti` or of a chosen string, so that the
 * storage reveals no string that the server would accept.
 */
export class TokenReader {
  readonly #signer: TokenSigner
  readonly #salt: KeyObject
  readonly #random: Random

  private constructor(signer: TokenSigner, salt: KeyObject, random: Random) {
    this.#signer = signer
    this.#salt = salt
    this.#random = random
  }

  /** With the keys from `view`, which are generated the first time. */
  static async open(view: View, random: Random): Promise<TokenReader> {
    const stored = await view.transaction(async (tx) => {
      const present = await tx.get('keys', keysShape)
      if (present) return present
      const fresh: StoredKeys = { signing: base64(TokenSigner.generate()), salt: base64(random(32)) }
      tx.put('keys', fresh)
      return fresh
    })
    const [signing, salt] = [fromBase64(stored.signing), fromBase64(stored.salt)]
    if (!signing || !salt) throw new Fault('internal', 'the keys of the token store are damaged; restore a backup')
    return new TokenReader(new TokenSigner(signing), createSecretKey(salt), random)
  }

  /** The id of a new token, and the function that creates its string from its record. */
  next(opaque?: string): {
    readonly id: string
    readonly issue: (record: TokenRecord, spec: TokenSpec) => Promise<string>
  } {
    if (opaque !== undefined) return { id: this.#idOf('opaque', opaque), issue: async () => opaque }
    const jti = base62(24, this.#random)
    return {
      id: this.#idOf('jti', jti),
      issue: async (record, spec) =>
        this.#signer.sign(record.type === 'batch' ? batchClaims(jti, record) : serviceClaims(jti, record, spec)),
    }
  }

  /** The token of a string, valid or not; undefined if this server did not issue it. */
  async read(token: string): Promise<ParsedToken | undefined> {
    if (token === '' || token.length > longest) return undefined
    if (token.split('.').length !== 3) return { id: this.#idOf('opaque', token) }
    const claims = await this.#signer.verify(token)
    if (!claims) return undefined
    const id = this.#idOf('jti', claims.jti)
    const batch = batchRecord(id, claims)
    return batch ? { id, batch } : { id }
  }

  #idOf(kind: 'jti' | 'opaque', value: string): string {
    return createHmac('sha256', this.#salt).update(`${kind}:${value}`).digest('hex')
  }
}

interface StoredKeys {
  readonly signing: string
  readonly salt: string
}

const keysShape = shapeOf<StoredKeys>('keys of the token store', { signing: isBase64, salt: isBase64 })

/** The claims of a service token. They have an expiry only if no renewal can change it. */
function serviceClaims(
  jti: string,
  { issuedAt, expiresAt }: TokenRecord,
  { ttl, explicitMaxTtl, renewable }: TokenSpec,
) {
  const fixed = expiresAt !== null && (explicitMaxTtl > 0 || !renewable)
  const end = issuedAt + (explicitMaxTtl || ttl) * 1000
  return { jti, iat: Math.floor(issuedAt / 1000), ...(fixed && { exp: Math.ceil(end / 1000) }) }
}
