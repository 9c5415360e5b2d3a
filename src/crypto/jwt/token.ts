import type { KeyObject } from 'node:crypto'
import { compactVerify, errors } from 'jose'
import { refuse } from '../../contract/fault.ts'
import type { Fault } from '../../contract/fault.ts'
import { JsonError } from '../../util/json-limits.ts'
import { readJson } from '../../util/json.ts'
import { isObject } from '../../util/stored/shape.ts'

/** The claims of a JWT with a verified signature. Numbers that JavaScript would write differently are `Numeral`s. */
export type Claims = Readonly<Record<string, unknown>>

/** The most characters of a JWT. */
const longest = 64 * 1024

/** The signature algorithms that a mount can accept (RFC 7518, 8037), with their keys. No MACs: their key would be public. */
const algorithms: Readonly<Record<string, string>> = {
  RS256: 'rsa',
  RS384: 'rsa',
  RS512: 'rsa',
  PS256: 'rsa',
  PS384: 'rsa',
  PS512: 'rsa',
  ES256: 'prime256v1',
  ES384: 'secp384r1',
  ES512: 'secp521r1',
  EdDSA: 'ed25519',
}

/** The names of these algorithms. */
export const algorithmNames: readonly string[] = Object.keys(algorithms)

/** A public key that may verify JWTs. */
export interface VerificationKey {
  readonly key: KeyObject
  /** The id and the algorithm from the key set. */
  readonly kid?: string
  readonly alg?: string
}

/** The part of a JWT's header that chooses the key. */
export interface TokenHeader {
  readonly alg: string
  readonly kid?: string
}

/** The refusal of a JWT. */
export const invalidToken = (why: string): Fault => refuse(`error validating token: ${why}`)

/** Whether the key can verify signatures of any of our algorithms: RSA from 2048 to 16384 bits, P-256, P-384, P-521, Ed25519. */
export const isUsable = (key: KeyObject): boolean => algorithmNames.some((alg) => fits(alg, { key }))

function fits(alg: string, { key, alg: own }: VerificationKey): boolean {
  if (key.type !== 'public' || (own !== undefined && own !== alg)) return false
  const { asymmetricKeyType: type, asymmetricKeyDetails: { namedCurve, modulusLength = 0 } = {} } = key
  if (type === 'rsa' && (modulusLength < 2048 || modulusLength > 16_384)) return false
  return algorithms[alg] === (type === 'ec' ? namedCurve : type)
}

/**
 * The claims of a JWT. The keys come from the configuration alone: `jku`, `x5u`, `x5c` and `jwk` of the header are ignored.
 * @param keysFor the keys to try for a header
 * @throws Fault invalid_request
 */
export async function verifiedClaims(
  input: string,
  accepted: readonly string[],
  keysFor: (header: TokenHeader) => Promise<readonly VerificationKey[]>,
): Promise<Claims> {
  const token = input.trim()
  const header = headerOf(token, accepted)
  const keys = await keysFor(header)
  for (const one of keys.filter((each) => fits(header.alg, each))) {
    const payload = await payloadOf(token, one.key, header.alg)
    if (payload) return objectOf(payload, 'payload')
  }
  throw invalidToken('no key of this mount verifies its signature')
}

/**
 * The claims of a JWT whose signature is not verified yet: valid only once its issuer has confirmed the whole token.
 * @throws Fault invalid_request
 */
export function unverifiedClaims(input: string, accepted: readonly string[]): Claims {
  const token = input.trim()
  headerOf(token, accepted)
  return objectOf(Buffer.from(token.split('.')[1] ?? '', 'base64url'), 'payload')
}

function headerOf(token: string, accepted: readonly string[]): TokenHeader {
  const parts = token.length > longest ? [] : token.split('.')
  if (parts.length !== 3 || !parts.every(isCanonical))
    throw invalidToken(`it is no JWT: three base64url parts, ${longest} characters at most`)
  const { alg, kid, crit } = objectOf(Buffer.from(parts[0] ?? '', 'base64url'), 'header')
  if (crit !== undefined) throw invalidToken('its header has "crit": no extensions are supported')
  if (typeof alg !== 'string' || !accepted.includes(alg))
    throw invalidToken(`its signature algorithm is none of ${accepted.join(', ')}`)
  if (kid !== undefined && typeof kid !== 'string') throw invalidToken('"kid" in its header is not a string')
  return { alg, ...(kid !== undefined && { kid }) }
}

/** jose accepts several encodings of the same bytes; only the canonical one is accepted here. */
const isCanonical = (part: string): boolean =>
  part !== '' && Buffer.from(part, 'base64url').toString('base64url') === part

async function payloadOf(token: string, key: KeyObject, alg: string): Promise<Uint8Array | undefined> {
  try {
    return (await compactVerify(token, key, { algorithms: [alg] })).payload
  } catch (thrown) {
    if (thrown instanceof errors.JOSEError) return undefined
    throw thrown
  }
}

function objectOf(bytes: Uint8Array, what: string): Claims {
  let value: unknown
  try {
    value = readJson(bytes)
  } catch (thrown) {
    if (thrown instanceof JsonError) throw invalidToken(`its ${what} is not JSON: ${thrown.message}`)
    throw thrown
  }
  if (!isObject(value)) throw invalidToken(`its ${what} is not a JSON object`)
  return value
}
