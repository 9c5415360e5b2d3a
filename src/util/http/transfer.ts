import { request as requestHttp } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Clock, Timer } from '../clock.ts'
import { lookupConfigured } from './elsewhere.ts'

/** A request whose body, or whose response, may be large. */
export interface Transfer {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** PEM of the CAs to trust; empty: those of Node. */
  readonly ca: string
}

/** A response whose body has not come yet. It must be read, or ended. */
export interface Transferred {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** @throws TransferError when it breaks off or stalls */
  readonly body: AsyncIterable<Buffer>
}

/** No response, or not all of it. The message is for the operator. */
export class TransferError extends Error {}

export interface TransferLimits {
  readonly clock: Clock
  /** How long the other side may be silent, milliseconds. */
  readonly patience: number
  /** Ends the transfer. */
  readonly signal: AbortSignal
}

/** Sends a request; redirects are not followed. @throws TransferError */
export async function transfer(outgoing: Transfer, limits: TransferLimits): Promise<Transferred> {
  const { method, url, headers, body, ca } = outgoing
  const silence = new Silence(limits)
  const signal = AbortSignal.any([limits.signal, silence.signal])
  return new Promise((resolve, reject) => {
    const send = url.startsWith('https:') ? requestHttps : requestHttp
    const sent = send(url, {
      method,
      agent: false,
      signal,
      headers,
      rejectUnauthorized: true,
      lookup: lookupConfigured,
      ...(ca !== '' && { ca }),
    })
    sent.on('error', (thrown: NodeJS.ErrnoException) => {
      silence.end()
      reject(silence.failure(`no response (${thrown.code ?? 'failed'})`))
    })
    sent.on('response', (response) =>
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bodyOf(response, silence) }),
    )
    sent.end(body)
  })
}

async function* bodyOf(response: IncomingMessage, silence: Silence): AsyncGenerator<Buffer> {
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      silence.begin()
      yield piece
    }
  } catch {
    throw silence.failure('the response broke off')
  } finally {
    silence.end()
  }
}

/** Notices that nothing comes any more. */
class Silence {
  readonly #limits: TransferLimits
  readonly #late = new AbortController()
  #timer: Timer | undefined

  constructor(limits: TransferLimits) {
    this.#limits = limits
    this.begin()
  }

  get signal(): AbortSignal {
    return this.#late.signal
  }

  begin(): void {
    this.end()
    this.#timer = this.#limits.clock.after(this.#limits.patience, () => this.#late.abort())
  }

  end(): void {
    this.#timer?.cancel()
  }

  failure(otherwise: string): TransferError {
    return new TransferError(
      this.signal.aborted ? `no response within ${this.#limits.patience / 1000} seconds` : otherwise,
    )
  }
}
