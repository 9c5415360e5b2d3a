import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { SignJWT, compactVerify } from 'jose'
import type { JWTPayload } from 'jose'
import { text } from '../util/bytes.ts'

const issuer = 'strongroom'
const type = 'strongroom-token+jwt'
const algorithm = 'EdDSA'

/** Signs and checks our bearer tokens (RFC 7519, EdDSA). Algorithm, issuer and type are pinned. */
export class TokenSigner {
  readonly #private: KeyObject
  readonly #public: KeyObject

  /** @param pkcs8 the signing key, DER. */
  constructor(pkcs8: Uint8Array) {
    this.#private = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
    this.#public = createPublicKey(this.#private)
  }

  /** A new signing key, PKCS#8 DER. */
  static generate(): Uint8Array {
    return generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })
  }

  async sign(claims: JWTPayload & { readonly jti: string }): Promise<string> {
    return new SignJWT(claims).setProtectedHeader({ alg: algorithm, typ: type }).setIssuer(issuer).sign(this.#private)
  }

  /**
   * The claims of one of our tokens, or undefined. The clock is not asked: expiry is judged by the store, at each use.
   * A string that is not the one canonical spelling of its bytes is refused: jose would accept several (a trailing `=`,
   * blanks, other last letters).
   */
  async verify(token: string): Promise<(JWTPayload & { readonly jti: string }) | undefined> {
    if (!canonical(token)) return undefined
    try {
      const { payload, protectedHeader } = await compactVerify(token, this.#public, { algorithms: [algorithm] })
      const claims = JSON.parse(text(payload)) as JWTPayload
      const isOurs = protectedHeader.typ === type && claims.iss === issuer && typeof claims.iat === 'number'
      return isOurs && typeof claims.jti === 'string' ? { ...claims, jti: claims.jti } : undefined
    } catch {
      return undefined
    }
  }
}

/** Three base64url parts, each in its canonical encoding. */
function canonical(token: string): boolean {
  const parts = token.split('.')
  return (
    parts.length === 3 &&
    parts.every((part) => part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part)
  )
}
