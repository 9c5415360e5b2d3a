import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

/** What a store does instead of answering as it should; true: it has answered. */
export type Misdeed = (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean

/** A store with the part of S3's API that uploads, reads and removes objects. It checks the sums of bodies, but no signatures. */
export class S3Server {
  readonly objects = new Map<string, Buffer>()
  /** Method, key and query of every request. */
  readonly requests: string[] = []
  readonly #uploads = new Map<string, Map<number, Buffer>>()
  readonly #server: Server
  readonly #scheme: string
  misdeed: Misdeed = () => false

  private constructor(tls?: { readonly cert: string; readonly key: string }) {
    this.#scheme = tls ? 'https' : 'http'
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      const parts: Buffer[] = []
      request.on('data', (part: Buffer) => parts.push(part))
      request.on('end', () => this.#answer(request, response, Buffer.concat(parts)))
    }
    this.#server = tls ? createTlsServer(tls, listener) : createServer(listener)
  }

  static async start(tls?: { readonly cert: string; readonly key: string }): Promise<S3Server> {
    const made = new S3Server(tls)
    await new Promise<void>((done) => made.#server.listen(0, '127.0.0.1', done))
    return made
  }

  get address(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Uploads that were begun and not ended. */
  get unfinished(): number {
    return this.#uploads.size
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  #answer(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://a')
    this.requests.push(`${request.method} ${pathname} ${[...searchParams.keys()].join(' ')}`.trim())
    if (this.misdeed(request, response, body)) return
    if (request.headers['x-amz-content-sha256'] !== createHash('sha256').update(body).digest('hex'))
      return void response.writeHead(400).end('<Error><Code>XAmzContentSHA256Mismatch</Code></Error>')
    const upload = searchParams.get('uploadId') ?? ''
    if (searchParams.has('uploads')) {
      const id = `upload+${this.requests.length}/=`
      this.#uploads.set(id, new Map())
      return void response.end(
        `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    }
    const parts = this.#uploads.get(upload)
    if (upload !== '' && !parts) return void response.writeHead(404).end('<Error><Code>NoSuchUpload</Code></Error>')
    if (request.method === 'PUT') {
      parts?.set(Number(searchParams.get('partNumber')), body)
      return void response.writeHead(200, { ETag: `"${createHash('md5').update(body).digest('hex')}"` }).end()
    }
    if (request.method === 'POST') {
      const all = [...(parts ?? [])].toSorted(([a], [b]) => a - b).map(([, part]) => part)
      this.objects.set(pathname, Buffer.concat(all))
      this.#uploads.delete(upload)
      return void response.end('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
    }
    if (request.method === 'DELETE') {
      if (upload === '') this.objects.delete(pathname)
      else this.#uploads.delete(upload)
      return void response.writeHead(204).end()
    }
    const found = this.objects.get(pathname)
    if (found) response.end(found)
    else response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
  }
}
