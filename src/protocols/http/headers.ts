import type { IncomingMessage } from 'node:http'
import type { Protocol } from '../../contract/protocol.ts'

/**
 * Headers of every response: it is not cached by browsers and proxies, its type is not guessed, and as a page it runs no
 * scripts, loads no resources and is not shown in a frame.
 */
export const commonHeaders = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
} as const

/** The most headers of a request. Node drops further ones silently. */
export const mostHeaders = 100

/**
 * HTTP headers that may occur only once. Node keeps one of several, or joins them: another parser could choose a different one.
 */
const httpSingles = ['host', 'authorization', 'content-type']

/** Headers that may occur once: those of HTTP and those of the protocols. */
export class SingleHeaders {
  readonly #names: ReadonlySet<string>
  readonly #lengths: ReadonlySet<number>

  constructor(protocols: readonly Protocol[]) {
    this.#names = new Set([...httpSingles, ...protocols.flatMap(({ singleHeaders = [] }) => singleHeaders)])
    this.#lengths = new Set([...this.#names].map((name) => name.length))
  }

  /** The name of a header that occurs twice but may occur only once. */
  repeatedIn({ rawHeaders }: IncomingMessage): string | undefined {
    const seen = new Set<string>()
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const raw = rawHeaders[at] as string
      if (!this.#lengths.has(raw.length)) continue
      const name = raw.toLowerCase()
      if (!this.#names.has(name)) continue
      if (seen.has(name)) return name
      seen.add(name)
    }
    return undefined
  }
}

/** Whether the Host header is missing (RFC 9112 §3.2; HTTP/1.0 has none). */
export function missesHost({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.host === undefined && httpVersion === '1.1'
}
