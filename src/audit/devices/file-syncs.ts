import { closeSync, fdatasync } from 'node:fs'
import { promisify } from 'node:util'

const toDisk = promisify(fdatasync)

/** The syncs of a file whose descriptor may change: one sync serves all callers that wait for it. */
export class FileSyncs {
  readonly #descriptor: () => number | undefined
  readonly #failed: () => void
  #running: Promise<void> | undefined
  #next: Promise<void> | undefined
  #retired: Promise<void> = Promise.resolve()

  /** @param failed called after a failed sync, before its waiters are rejected */
  constructor(descriptor: () => number | undefined, failed: () => void) {
    this.#descriptor = descriptor
    this.#failed = failed
  }

  /** Resolves when everything written before is on disk. A sync in progress does not cover writes since its start. */
  async sync(): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#toDisk().finally(() => (this.#running = undefined))
      return this.#running
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(async () => {
        this.#next = undefined
        return this.sync()
      })
    return this.#next
  }

  /** Syncs and closes a descriptor that is no longer used in the background, after the sync that may be using it. */
  retire(fd: number): void {
    const using = this.#running
    this.#retired = Promise.allSettled([this.#retired, using])
      .then(async () => toDisk(fd))
      .finally(() => closeSync(fd))
    this.#retired.catch(() => {})
  }

  /** Resolves when every retired descriptor is closed. */
  async settled(): Promise<void> {
    await this.#retired.catch(() => {})
  }

  async #toDisk(): Promise<void> {
    const retired = this.#retired
    try {
      await retired
      const fd = this.#descriptor()
      if (fd !== undefined) await toDisk(fd)
    } catch (thrown) {
      this.#failed()
      if (this.#retired === retired) this.#retired = Promise.resolve()
      throw thrown
    }
  }
}
