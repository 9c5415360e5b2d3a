import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { Readable } from 'node:stream'
import { encryptedTo } from '../../../backups/age.ts'
import { BackupError } from '../../../backups/store.ts'
import type { BackupStore } from '../../../backups/store.ts'

/** Makes and verifies snapshots: `Snapshots`. */
export interface SnapshotMaker {
  save(about: Readonly<Record<string, string>>): Promise<Readable>
  /** @throws Fault unless every byte of it is of this server */
  verify(file: AsyncIterable<Uint8Array>): Promise<unknown>
}

export interface MakeParts {
  readonly snapshots: SnapshotMaker
  readonly store: BackupStore
  /** Of the file. */
  readonly name: string
  /** For the line of the audit log. */
  readonly about: Readonly<Record<string, string>>
  readonly recipients: readonly string[]
  /** The most bytes; absent: no limit. */
  readonly most?: number
  readonly signal: AbortSignal
}

/** A snapshot that the store has. */
export interface Made {
  readonly size: number
  readonly sha256: string
}

/**
 * Makes a snapshot and writes it to a store. It counts only when it was verified while it was written, as `snapshot verify`
 * does it, and the store gives back the very same bytes.
 * @throws BackupError, Fault; nothing is left then
 */
export async function makeBackup({ snapshots, store, name, about, ...parts }: MakeParts): Promise<Made> {
  const { recipients, most, signal } = parts
  const snapshot = await snapshots.save(about)
  // It may be broken off before anybody reads it.
  snapshot.on('error', () => {})
  const stop = (): void => void snapshot.destroy(new BackupError('the server was sealed'))
  signal.addEventListener('abort', stop, { once: true })
  try {
    if (signal.aborted) stop()
    const verified = verifiedOnTheWay(snapshot, snapshots)
    const sent = new Measured(recipients.length > 0 ? encryptedTo(recipients, verified) : verified, most)
    const written = await store.write(name, sent)
    try {
      const stored = new Measured(written.read())
      for await (const _ of stored);
      if (stored.made.sha256 !== sent.made.sha256)
        throw new BackupError(`the store gave back other bytes (${stored.made.size}) than it got (${sent.made.size})`)
      await written.keep()
    } catch (thrown) {
      await written.discard()
      throw thrown
    }
    return sent.made
  } finally {
    signal.removeEventListener('abort', stop)
    snapshot.destroy()
  }
}

/** Passes a snapshot on. Its end is passed on only once all of it was verified. */
async function* verifiedOnTheWay(snapshot: Readable, snapshots: SnapshotMaker): AsyncGenerator<Uint8Array> {
  const copy = new PassThrough()
  const verdict = snapshots.verify(copy)
  verdict.catch(() => {})
  try {
    for await (const piece of snapshot as AsyncIterable<Buffer>) {
      if (!copy.write(piece)) await Promise.race([once(copy, 'drain'), verdict])
      yield piece
    }
    copy.end()
    await verdict
  } finally {
    copy.destroy()
  }
}

/** Counts the bytes that pass, and their SHA-256. */
class Measured implements AsyncIterable<Uint8Array> {
  readonly #pieces: AsyncIterable<Uint8Array>
  readonly #most: number
  readonly #sum = createHash('sha256')
  #size = 0
  #made: Made | undefined

  constructor(pieces: AsyncIterable<Uint8Array>, most = Infinity) {
    this.#pieces = pieces
    this.#most = most
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#pieces) {
      this.#size += piece.length
      if (this.#size > this.#most) throw new BackupError('it would need more space than local_max_space allows; raise that, or lower retain') // prettier-ignore
      this.#sum.update(piece)
      yield piece
    }
  }

  /** Once all of them have passed. */
  get made(): Made {
    return (this.#made ??= { size: this.#size, sha256: this.#sum.digest('hex') })
  }
}
