import { unprintable } from '../util/printable.ts'
import type { Secret } from '../util/secret.ts'

/** The operation of a request, independent of the protocol. `write` is Vault's POST and PUT. */
export type Operation = 'read' | 'list' | 'scan' | 'write' | 'patch' | 'delete' | 'help'

/** A canonical request path: decoded once, no leading slash, no empty, `.` or `..` segment. A trailing slash is kept. */
export type ApiPath = string & { readonly __brand: 'ApiPath' }

/**
 * The kinds of credentials, one line each, with their data. Each has an authenticator in `core/authentication/authenticators.ts`.
 */
interface CredentialKinds {
  readonly none: object
  readonly token: { readonly token: Secret<string> }
  /** A login that is performed for this one request: where, in which namespace, and its parameters. */
  readonly inline: {
    readonly path: ApiPath
    readonly namespace: string
    readonly data: Secret<Readonly<Record<string, unknown>>>
  }
}

/** The credential of one kind. */
export type CredentialOf<K extends keyof CredentialKinds> = CredentialKinds[K] & { readonly kind: K }

/** The credential of the caller, as a protocol read it. Only the core verifies it. */
export type Credential = { readonly [K in keyof CredentialKinds]: CredentialOf<K> }[keyof CredentialKinds]

/** Limits of a listener for the body of one request. */
export interface BodyLimits {
  readonly bytes: number
  /** Names, strings, numbers, words and containers together. */
  readonly tokens: number
}

/** Plain data: it can be audited, replayed in a test, or sent to another process. */
export interface Request {
  /** A UUID, repeated in the response and on both audit lines. */
  readonly id: string
  /** `Protocol.name` of the protocol of the request. */
  readonly protocol: string
  readonly operation: Operation
  readonly path: ApiPath
  /** The namespace of `path`: '' is the root one; otherwise without leading slash, with a trailing one. */
  readonly namespace: string
  /** Parameters of body or query, unvalidated: checked only after the request is authorised and audited. */
  readonly data: Readonly<Record<string, unknown>>
  readonly credential: Credential
  readonly client: { readonly address: string; readonly port: number }
  /** The DER of the client's TLS certificates, base64, its own first. Unverified, except for its private key. Absent: none. */
  readonly certificates?: readonly string[]
  /** Seconds; present when the response is to be wrapped. */
  readonly wrapTtl?: number
  /** The body, where the route takes it as a file of any length; read at most once. It is no parameter, and in no audit line. */
  readonly upload?: AsyncIterable<Uint8Array>
  /** The limits of its listener; the defaults when absent. */
  readonly limits?: BodyLimits
  /** Request headers by lower-case name, for audit devices that record some. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/**
 * The only maker of an ApiPath. Returns undefined for a path with an empty segment (except one trailing slash), a `.` or
 * `..` segment, or a character that cannot be printed: such a path is refused before anything looks at it.
 */
export function apiPath(decoded: string): ApiPath | undefined {
  const bare = decoded.startsWith('/') ? decoded.slice(1) : decoded
  if (bare === '') return '' as ApiPath
  if (unprintable.test(bare)) return undefined
  const segments = bare.split('/')
  const clean = segments.every(
    (segment, at) => segment !== '.' && segment !== '..' && (segment !== '' || at === segments.length - 1),
  )
  return clean && bare !== '/' ? (bare as ApiPath) : undefined
}
