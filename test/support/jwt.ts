import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

const base64url = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url') // prettier-ignore

/** A key pair, and how JWTs of it are signed. */
export interface JwtKey {
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly pem: string
}

/** A new P-256 or RSA key. */
export function jwtKey(alg: 'ES256' | 'RS256' | 'EdDSA' = 'ES256', bits = 2048): JwtKey {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : alg === 'EdDSA'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('rsa', { modulusLength: bits })
  return { alg, ...pair, pem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString() }
}

/** A JWT. `claims` and `header` as texts are taken as they are, so that they may be no valid JSON. */
export function jwt(claims: unknown, key: JwtKey, header: object | string = {}): string {
  const head = typeof header === 'string' ? header : { alg: key.alg, typ: 'JWT', ...header }
  const signed = `${base64url(head)}.${base64url(claims)}`
  const options = { key: key.privateKey, ...(key.alg === 'ES256' && { dsaEncoding: 'ieee-p1363' as const }) }
  return `${signed}.${sign(key.alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), options).toString('base64url')}`
}

/** A JWT with a MAC under a secret that an attacker knows. */
export function macJwt(claims: unknown, secret: string, alg = 'HS256'): string {
  const signed = `${base64url({ alg, typ: 'JWT' })}.${base64url(claims)}`
  return `${signed}.${createHmac(`sha${alg.slice(2)}`, secret)
    .update(signed)
    .digest('base64url')}`
}

/** A JWT without a signature. */
export const unsignedJwt = (claims: unknown, alg = 'none'): string => `${base64url({ alg })}.${base64url(claims)}.`
