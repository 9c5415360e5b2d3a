import type { Clock } from '../../util/clock.ts'
import { sha256Hex, signedHeaders } from '../../util/http/sigv4.ts'
import { TransferError, transfer } from '../../util/http/transfer.ts'
import type { Transferred } from '../../util/http/transfer.ts'
import { Secret } from '../../util/secret.ts'
import { BackupError } from '../store.ts'
import { bucketAddress } from './settings.ts'
import type { S3Settings } from './settings.ts'

/** How long a store may be silent, milliseconds: so long one part may take on a slow line. */
const patience = 120_000
/** The most bytes of a response that is no backup. */
const mostOfResponse = 65_536

/** A request about one object. */
export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** A key of letters, digits and `/_.-`. */
  readonly key: string
  /** Encoded, without `?`. */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

/** Signed requests to one bucket. */
export class S3Requests {
  readonly #settings: S3Settings
  readonly #clock: Clock
  readonly #signal: AbortSignal

  constructor(settings: S3Settings, clock: Clock, signal: AbortSignal) {
    this.#settings = settings
    this.#clock = clock
    this.#signal = signal
  }

  /** The text of a response. @throws BackupError unless its status is 200 or 204 */
  async ask(request: S3Request): Promise<{ readonly headers: Transferred['headers']; readonly text: string }> {
    const response = await this.#send(request)
    return { headers: response.headers, text: await textOf(response) }
  }

  /** The content of an object. @throws BackupError */
  async *content(key: string): AsyncGenerator<Uint8Array> {
    const { body } = await this.#send({ method: 'GET', key })
    try {
      yield* body
    } catch (thrown) {
      throw readable(thrown)
    }
  }

  async #send({ method, key, query = '', headers = {}, body }: S3Request): Promise<Transferred> {
    const { accessKey, secretKey, sessionToken, region, ca } = this.#settings
    const url = `${bucketAddress(this.#settings)}/${key}${query === '' ? '' : `?${query}`}`
    const bodyHash = sha256Hex(body ?? '')
    const credentials = {
      accessKey,
      secretKey: new Secret(secretKey),
      ...(sessionToken !== '' && { sessionToken: new Secret(sessionToken) }),
    }
    const signed = signedHeaders(
      { method, url, headers: { ...headers, 'x-amz-content-sha256': bodyHash }, bodyHash },
      credentials,
      { region, service: 's3', at: this.#clock.now() },
    )
    const sized = { ...signed, 'content-length': String(body?.length ?? 0) }
    const limits = { clock: this.#clock, patience, signal: this.#signal }
    const response = await transfer({ method, url, headers: sized, ca, ...(body && { body }) }, limits).catch(
      (thrown: unknown) => {
        throw readable(thrown)
      },
    )
    if (response.status === 200 || response.status === 204) return response
    throw refusal(response.status, await textOf(response))
  }
}

/** An error of S3 has a code and a text; the text is the store's, and may be anything. */
function refusal(status: number, text: string): BackupError {
  if (status >= 300 && status < 400)
    return new BackupError(`the store sends elsewhere (status ${status}): check aws_s3_region and aws_s3_endpoint`, {
      status,
    })
  const code = errorIn(text)
  const cure = status === 403 ? ': check the credentials, and that they may put, get and delete objects' : ''
  return new BackupError(`the store refused it (status ${status}${code === '' ? '' : `, ${code}`})${cure}`, { status })
}

/** The code of an error; empty when there is none. */
export const errorIn = (text: string): string =>
  /<Error>/.test(text) ? (/<Code>([A-Za-z0-9.]{1,64})<\/Code>/.exec(text)?.[1] ?? 'unknown error') : ''

async function textOf({ body }: Transferred): Promise<string> {
  const parts: Buffer[] = []
  let size = 0
  try {
    for await (const part of body) {
      size += part.length
      if (size > mostOfResponse) throw new BackupError('the response of the store is too long')
      parts.push(part)
    }
  } catch (thrown) {
    throw readable(thrown)
  }
  return Buffer.concat(parts).toString('utf8')
}

const readable = (thrown: unknown): unknown =>
  thrown instanceof TransferError ? new BackupError(`the store: ${thrown.message}`, { cause: thrown }) : thrown
