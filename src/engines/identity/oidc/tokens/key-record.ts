import { pairs } from '../../../../crypto/keys/pairs.ts'
import type { PairType } from '../../../../crypto/keys/pairs.ts'
import { hasMembers, isBase64, isListOf, isName, isOneOf, isTime, isWhole, orNull, shapeOf } from '../../../../util/stored/shape.ts' // prettier-ignore
import { everyone } from '../names.ts'

/** The signature algorithms of identity tokens, with the key pairs that they need. */
export const algorithms: Readonly<Record<string, PairType>> = {
  RS256: pairs.rsa2048,
  RS384: pairs.rsa2048,
  RS512: pairs.rsa2048,
  ES256: pairs.p256,
  ES384: pairs.p384,
  ES512: pairs.p521,
  EdDSA: pairs.ed25519,
}

/** The names of these algorithms, as discovery documents list them. */
export const algorithmNames: readonly string[] = Object.keys(algorithms)

/** A key pair that signs now, or after the next rotation. DER in base64. */
export interface OidcPair {
  /** The `kid` of its tokens. */
  readonly id: string
  readonly privateKey: string
  readonly publicKey: string
}

/** A public key whose pair no longer signs. */
export interface RetiredKey {
  readonly id: string
  readonly publicKey: string
  /** The id of its pair. */
  readonly algorithm: string
  /** The end of its use for verification, epoch milliseconds. */
  readonly expiresAt: number
}

/** A named key, stored at `oidc-key/<name>`. Durations in seconds. */
export interface OidcKey {
  readonly algorithm: string
  /** The time that each pair signs. */
  readonly rotationPeriod: number
  /** The time that tokens can be verified after a rotation of their pair. */
  readonly verificationTtl: number
  /** The ids of the clients whose tokens it may sign; `*`: all. */
  readonly allowedClients: readonly string[]
  /** Epoch milliseconds. */
  readonly nextRotation: number
  /** The signing pair, and the next pair, which is already published. Null only for an unused `default`. */
  readonly signing: OidcPair | null
  readonly next: OidcPair | null
  readonly retired: readonly RetiredKey[]
}

const isPair = (value: unknown): boolean =>
  hasMembers<OidcPair>(value, { id: isName, privateKey: isBase64, publicKey: isBase64 })
const isRetired = (value: unknown): boolean =>
  hasMembers<RetiredKey>(value, {
    id: isName,
    publicKey: isBase64,
    algorithm: isOneOf(...algorithmNames),
    expiresAt: isTime,
  })

/** The shape of the stored record. */
export const keyShape = shapeOf<OidcKey>(
  'a key of identity tokens',
  {
    algorithm: isOneOf(...algorithmNames),
    rotationPeriod: isWhole(60),
    verificationTtl: isWhole(0),
    allowedClients: isListOf(isName),
    nextRotation: isTime,
    signing: orNull(isPair),
    next: orNull(isPair),
    retired: isListOf(isRetired),
  },
  ({ signing, next }) => (signing === null) === (next === null),
)

/** The name of the key that exists in every namespace. */
export const defaultKeyName = 'default'

const day = 24 * 3600

/** A new key without pairs, not stored yet. */
export const freshKey: Omit<OidcKey, 'nextRotation'> = {
  algorithm: 'RS256',
  rotationPeriod: day,
  verificationTtl: day,
  allowedClients: [],
  signing: null,
  next: null,
  retired: [],
}

/** The key `default` before its first change or use. */
export const defaultKey: OidcKey = { ...freshKey, allowedClients: [everyone], nextRotation: 0 }

/** Whether a key signs tokens for a client. */
export const signsFor = ({ allowedClients }: Pick<OidcKey, 'allowedClients'>, clientId: string): boolean =>
  allowedClients.includes(everyone) || allowedClients.includes(clientId)
