import { pairs } from '../../../../crypto/keys/pairs.ts'
import type { PairType } from '../../../../crypto/keys/pairs.ts'
import { hasMembers, isBase64, isListOf, isName, isOneOf, isTime, isWhole, orNull, shapeOf } from '../../../../util/stored/shape.ts' // prettier-ignore
import { everyone } from '../names.ts'

/** The signature algorithms of identity tokens, with the pairs that they need. */
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

/** A pair that signs now, or that will after the next rotation. DER in base64. */
export interface OidcPair {
  /** The `kid` of its tokens. */
  readonly id: string
  readonly privateKey: string
  readonly publicKey: string
}

/** A public key whose pair signs no more. */
export interface RetiredKey {
  readonly id: string
  readonly publicKey: string
  /** Of the pair that it was one of. */
  readonly algorithm: string
  /** Until then it verifies tokens; epoch milliseconds. */
  readonly expiresAt: number
}

/** A named key, at `oidc-key/<name>`. Durations in seconds. */
export interface OidcKey {
  readonly algorithm: string
  /** How long each pair signs. */
  readonly rotationPeriod: number
  /** How long tokens can be verified after their pair has been replaced. */
  readonly verificationTtl: number
  /** The ids of the clients that may have tokens signed by it; `*`: each. */
  readonly allowedClients: readonly string[]
  /** Epoch milliseconds. */
  readonly nextRotation: number
  /** The pair that signs, and the one that is published before it does. Null only for a `default` that nobody has used. */
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

/** The shape of that record. */
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

/** The name of the key that every namespace has. */
export const defaultKeyName = 'default'

const day = 24 * 3600

/** A key to be, without pairs. */
export const freshKey: Omit<OidcKey, 'nextRotation'> = {
  algorithm: 'RS256',
  rotationPeriod: day,
  verificationTtl: day,
  allowedClients: [],
  signing: null,
  next: null,
  retired: [],
}

/** The key `default` until somebody changes or uses it. */
export const defaultKey: OidcKey = { ...freshKey, allowedClients: [everyone], nextRotation: 0 }

/** Whether a key signs tokens for a client. */
export const signsFor = ({ allowedClients }: Pick<OidcKey, 'allowedClients'>, clientId: string): boolean =>
  allowedClients.includes(everyone) || allowedClients.includes(clientId)
