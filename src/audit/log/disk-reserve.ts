import { closeSync, constants, fsyncSync, openSync, statSync, statfsSync, unlinkSync, writeSync } from 'node:fs'
import { posix } from 'node:path'

/**
 * Bytes reserved for the responses to requests that are in progress when the disk becomes full; on a small disk an eighth of it.
 */
const reserveBytes = 2 * 1024 * 1024

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants

/** Whether an error means that there is no space: a full disk, or an exhausted quota. */
export function isFull(thrown: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((thrown as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** A file that reserves disk space: when the disk is full, its space is used for the last lines. */
export class DiskReserve {
  readonly #path: string
  #full = false

  constructor(path: string) {
    this.#path = path
  }

  /** The space was released, or could not be reserved, because the disk is full. */
  get full(): boolean {
    return this.#full
  }

  /**
   * Reserves the space; true on success. If files cannot be created for another reason than a full disk there is no
   * reserve, which is not a failure: the log's own file may still be writable.
   */
  keep(): boolean {
    try {
      const bytes = this.#bytes()
      if (statSync(this.#path, { throwIfNoEntry: false })?.size !== bytes) this.#fill(bytes)
      this.#full = false
    } catch (thrown) {
      if (isFull(thrown)) this.#drop()
      this.#full = isFull(thrown)
    }
    return !this.#full
  }

  /** Releases the space; false if there is none (any more). */
  release(): boolean {
    const had = !this.#full
    this.#full = true
    return this.#drop() && had
  }

  #bytes(): number {
    const { blocks, bsize } = statfsSync(posix.dirname(this.#path))
    return Math.min(reserveBytes, Math.floor((blocks * bsize) / 8))
  }

  #fill(bytes: number): void {
    // Written, not only extended: a hole reserves no space.
    const fd = openSync(this.#path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      const block = Buffer.alloc(64 * 1024, 0x20)
      for (let at = 0; at < bytes;) at += writeSync(fd, block, 0, Math.min(block.length, bytes - at))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  #drop(): boolean {
    try {
      unlinkSync(this.#path)
      return true
    } catch {
      return false
    }
  }
}
