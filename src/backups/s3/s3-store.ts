import type { Clock } from '../../util/clock.ts'
import { BackupError } from '../store.ts'
import type { BackupStore, WrittenBackup } from '../store.ts'
import { S3Requests, errorIn } from './requests.ts'
import type { S3Settings } from './settings.ts'

/** Bytes of a part: 10,000 parts, the most that S3 takes, are 156 GiB. S3 wants 5 MiB at least. */
const partSize = 16 * 1024 * 1024
const mostParts = 10_000

/** Backups as objects of a bucket. Each is uploaded in parts, so that it needs neither a length in advance nor room on this machine. */
export class S3Store implements BackupStore {
  readonly #requests: S3Requests
  readonly #settings: S3Settings
  readonly #folder: string

  /** @param folder what keys begin with; empty, or ending in `/` */
  constructor(settings: S3Settings, folder: string, clock: Clock, signal: AbortSignal) {
    this.#requests = new S3Requests(settings, clock, signal)
    this.#settings = settings
    this.#folder = folder
  }

  async write(name: string, pieces: AsyncIterable<Uint8Array>): Promise<WrittenBackup> {
    const key = this.#folder + name
    const upload = await this.#begin(key)
    try {
      await this.#complete(key, upload, await this.#sendParts(key, upload, pieces))
    } catch (thrown) {
      // Until then nothing is to be seen of it; what is left of an upload costs space.
      await this.#requests.ask({ method: 'DELETE', key, query: `uploadId=${upload}` }).catch(() => {})
      throw thrown
    }
    return {
      read: () => this.#requests.content(key),
      keep: async () => {},
      discard: async () => this.remove(name).catch(() => {}),
    }
  }

  async remove(name: string): Promise<void> {
    await this.#requests.ask({ method: 'DELETE', key: this.#folder + name }).catch((thrown: unknown) => {
      if (!(thrown instanceof BackupError) || thrown.status !== 404) throw thrown
    })
  }

  /** @returns the id of the upload, encoded */
  async #begin(key: string): Promise<string> {
    const { encryption, kmsKey } = this.#settings
    const headers = {
      'content-type': 'application/octet-stream',
      ...(encryption !== 'none' && { 'x-amz-server-side-encryption': encryption }),
      ...(kmsKey !== '' && { 'x-amz-server-side-encryption-aws-kms-key-id': kmsKey }),
    }
    const { text } = await this.#requests.ask({ method: 'POST', key, query: 'uploads=', headers })
    const [, id] = /<UploadId>([^<>&\s]{1,1024})<\/UploadId>/.exec(text) ?? []
    if (id === undefined)
      throw new BackupError('the store does not answer as S3 does: is aws_s3_endpoint the right one?')
    return encodeURIComponent(id)
  }

  /** @returns their tags */
  async #sendParts(key: string, upload: string, pieces: AsyncIterable<Uint8Array>): Promise<readonly string[]> {
    const tags: string[] = []
    for await (const body of inParts(pieces)) {
      if (tags.length === mostParts) throw new BackupError('the backup is larger than a store takes')
      const query = `partNumber=${tags.length + 1}&uploadId=${upload}`
      const { headers } = await this.#requests.ask({ method: 'PUT', key, query, body })
      const { etag = '' } = headers
      if (!/^[\w"-]{1,200}$/.test(etag)) throw new BackupError('the store did not confirm a part of the backup')
      tags.push(etag)
    }
    return tags
  }

  /** An error can come with status 200, because the store begins to answer before it is done. */
  async #complete(key: string, upload: string, tags: readonly string[]): Promise<void> {
    const parts = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
    const { text } = await this.#requests.ask({ method: 'POST', key, query: `uploadId=${upload}`, body })
    if (!text.includes('CompleteMultipartUploadResult'))
      throw new BackupError(`the store did not complete the upload (${errorIn(text) || 'no result'})`)
  }
}

async function* inParts(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = []
  let size = 0
  for await (const piece of pieces) {
    held.push(piece)
    size += piece.length
    while (size >= partSize) {
      const all = Buffer.concat(held)
      yield all.subarray(0, partSize)
      held = [all.subarray(partSize)]
      size -= partSize
    }
  }
  if (size > 0) yield Buffer.concat(held)
}
