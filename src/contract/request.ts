import type { Secret } from '../util/secret.ts'

/** What a request asks for, in words that every protocol can be translated to. `write` is Vault's POST and PUT. */
export type Operation = 'read' | 'list' | 'scan' | 'write' | 'patch' | 'delete' | 'help'

/** A canonical request path: decoded once, no leading slash, no empty, `.` or `..` segment. A trailing slash is kept. */
export type ApiPath = string & { readonly __brand: 'ApiPath' }

/** What the caller showed to prove who it is. Only the core judges it. */
export type Credential = { readonly kind: 'none' } | { readonly kind: 'token'; readonly token: Secret<string> }

/** What a listener takes in the body of one request. */
export interface BodyLimits {
  readonly bytes: number
  /** Names, strings, numbers, words and containers together. */
  readonly tokens: number
}

/** Plain data: it can be audited, replayed in a test, or sent to another process. */
export interface Request {
  /** A UUID, repeated in the answer and on both audit lines. */
  readonly id: string
  readonly protocol: 'vault'
  readonly operation: Operation
  readonly path: ApiPath
  /** The namespace that `path` is of: '' is the root one; otherwise without leading slash, with a trailing one. */
  readonly namespace: string
  /** Parameters of body or query, unvalidated: checked only after the request is authorised and audited. */
  readonly data: Readonly<Record<string, unknown>>
  readonly credential: Credential
  readonly client: { readonly address: string; readonly port: number }
  /** Seconds; present when the answer is to be wrapped. */
  readonly wrapTtl?: number
  /** Of the listener it came by; the usual ones when left out. */
  readonly limits?: BodyLimits
  /** Request headers by lower-case name, for audit devices that were told to record some. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
}

/** Unicode's control, format, private, unassigned and separating characters, but for the space; and what stands for broken bytes. */
const forbidden = /[\p{C}\p{Zl}\p{Zp}\ufffd]|(?! )\p{Zs}/u

/**
 * The only maker of an ApiPath. Gives undefined for a path with an empty segment (but for one trailing slash), a `.` or
 * `..` segment, or a character that cannot be printed: such a path is refused before anything looks at it.
 */
export function apiPath(decoded: string): ApiPath | undefined {
  const bare = decoded.startsWith('/') ? decoded.slice(1) : decoded
  if (bare === '') return '' as ApiPath
  if (forbidden.test(bare)) return undefined
  const segments = bare.split('/')
  const clean = segments.every(
    (segment, at) => segment !== '.' && segment !== '..' && (segment !== '' || at === segments.length - 1),
  )
  return clean && bare !== '/' ? (bare as ApiPath) : undefined
}
