import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../clock.ts'
import { isLinkLocal, isNear, lookupConfigured, lookupElsewhere } from './elsewhere.ts'
import { JsonError, jsonLimits } from '../json-limits.ts'
import { readJson } from '../json.ts'

/** How long a provider has for everything that one login needs of it, milliseconds. */
const longestWait = 5000

/** The most bytes of a response. */
const largest = 1024 * 1024

/** A provider sent an unusable response. The message is for the operator. */
export class ProviderError extends Error {
  /** The status of its response, where that was the reason. */
  readonly status: number | undefined

  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

/** A request to a provider. */
interface Outgoing {
  readonly url: string
  /** PEM of the CAs to trust; empty: those of Node. */
  readonly ca: string
  /** The form, the JSON, or the bytes with their type, of a POST; absent: GET. */
  readonly form?: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly bytes?: { readonly type: string; readonly content: Uint8Array }
  readonly headers?: Readonly<Record<string, string>>
  /** The most bytes of the response; 1 MiB when left out. */
  readonly most?: number
  /** What the body of an error response says, for the message. */
  readonly explain?: (body: Uint8Array) => string
  /** Refuses hosts whose address is loopback or link-local: for addresses that no operator has configured. */
  readonly elsewhere?: boolean
}

/**
 * Why an address is refused; undefined: it is accepted. With plain HTTP an attacker on the network could choose the keys.
 * @param isSigned whether the response is signed by a third party, so that plain HTTP is sufficient
 */
export function addressProblem(url: string, isSigned = false): string | undefined {
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed?.protocol !== 'https:' && parsed?.protocol !== 'http:') return 'it is no http or https address'
  if (parsed.username !== '' || parsed.password !== '') return 'it has a user name or password'
  if (parsed.hash !== '' || url.includes('#')) return 'it has a fragment (#)'
  if (isLinkLocal(parsed.hostname)) return 'it is a link-local address'
  const isLocal = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(parsed.hostname)
  return parsed.protocol === 'http:' && !isLocal && !isSigned ? 'http is for this machine only: use https' : undefined
}

/** Requests to a provider with a common time limit of 5 seconds. */
export class Provider {
  readonly #ended = new AbortController()
  readonly #timer: { cancel(): void }
  readonly #wait: number

  private constructor(clock: Clock, wait: number) {
    this.#wait = wait
    this.#timer = clock.after(wait, () => this.#ended.abort())
  }

  /**
   * Runs `work`, whose requests share one time limit.
   * @param wait that limit, milliseconds
   * @throws ProviderError
   */
  static async ask<T>(clock: Clock, work: (provider: Provider) => Promise<T>, wait = longestWait): Promise<T> {
    const provider = new Provider(clock, wait)
    try {
      return await work(provider)
    } finally {
      provider.#timer.cancel()
    }
  }

  /**
   * The JSON of a response: status 200 or 201, 1 MiB at most. Redirects are not followed.
   * @throws ProviderError
   */
  async json(outgoing: Outgoing): Promise<unknown> {
    const problem = addressProblem(outgoing.url)
    if (problem !== undefined) throw new ProviderError(problem)
    const bytes = await this.#bytes({ ...outgoing, headers: { Accept: 'application/json', ...outgoing.headers } })
    try {
      return readJson(bytes, { ...jsonLimits, bytes: largest })
    } catch (thrown) {
      if (thrown instanceof JsonError) throw new ProviderError(`the response is no JSON: ${thrown.message}`)
      throw thrown
    }
  }

  /**
   * The bytes of a response that is signed, so that plain HTTP will do. Otherwise as `json`.
   * @throws ProviderError
   */
  async signed(outgoing: Outgoing): Promise<Uint8Array> {
    const problem = addressProblem(outgoing.url, true)
    if (problem !== undefined) throw new ProviderError(problem)
    return this.#bytes(outgoing)
  }

  async #bytes({
    url,
    ca,
    headers,
    most = largest,
    elsewhere = false,
    explain,
    ...posted
  }: Outgoing): Promise<Uint8Array> {
    const content = contentOf(posted)
    if (elsewhere && isNear(new URL(url).hostname))
      throw new ProviderError('its address is loopback or link-local, which is not asked')
    return new Promise((resolve, reject) => {
      const fail = (why: string, status?: number): void => {
        sent.destroy()
        const isLate = this.#ended.signal.aborted
        reject(new ProviderError(isLate ? `no response within ${this.#wait / 1000} seconds` : why, status))
      }
      const send = url.startsWith('https:') ? requestHttps : requestHttp
      const sent = send(url, {
        method: content === undefined ? 'GET' : 'POST',
        agent: false,
        signal: this.#ended.signal,
        rejectUnauthorized: true,
        ...(ca !== '' && { ca }),
        lookup: elsewhere ? lookupElsewhere : lookupConfigured,
        headers: {
          ...(content && { 'Content-Type': content.type, 'Content-Length': content.content.length }),
          ...headers,
        },
      })
      sent.on('error', (thrown: NodeJS.ErrnoException) => fail(`no response (${thrown.code ?? 'failed'})`))
      sent.on('response', (response) => read(response, { most, explain }, resolve, fail))
      sent.end(content?.content)
    })
  }
}

function contentOf({ form, body, bytes }: Pick<Outgoing, 'form' | 'body' | 'bytes'>): Outgoing['bytes'] {
  if (bytes !== undefined) return bytes
  if (body !== undefined) return { type: 'application/json', content: Buffer.from(JSON.stringify(body)) }
  if (form === undefined) return undefined
  return { type: 'application/x-www-form-urlencoded', content: Buffer.from(form) }
}

function read(
  response: IncomingMessage,
  { most, explain }: { readonly most: number; readonly explain: Outgoing['explain'] },
  done: (bytes: Uint8Array) => void,
  fail: (why: string, status?: number) => void,
): void {
  const { statusCode: status = 0, headers } = response
  const isRefusal = status !== 200 && status !== 201
  if (status >= 300 && status < 400) return fail(`it redirects (status ${status}), which is not followed`)
  if (isRefusal && !explain) return fail(`status ${status}`, status)
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') return fail('the response is compressed')
  const parts: Buffer[] = []
  let size = 0
  response.on('data', (part: Buffer) => {
    size += part.length
    if (size > most) fail(`the response is larger than ${most} bytes`)
    else parts.push(part)
  })
  response.on('error', () => fail('the response broke off'))
  response.on('aborted', () => fail('the response broke off'))
  response.on('end', () => {
    const body = Buffer.concat(parts)
    if (isRefusal) fail(`status ${status}: ${explain?.(body) ?? ''}`, status)
    else done(body)
  })
}
