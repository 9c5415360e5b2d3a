import { closeSync, constants, fsyncSync, openSync, statSync, statfsSync, unlinkSync, writeSync } from 'node:fs'
import { posix } from 'node:path'

/** Bytes kept for the responses to requests that were under way when the disk became full; on a small disk an eighth of it. */
const reserveBytes = 2 * 1024 * 1024

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants

/** Whether an error says that there is no room: a full disk, or a quota that is used up. */
export function isFull(thrown: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes((thrown as NodeJS.ErrnoException | undefined)?.code ?? '')
}

/** A file that takes up space until the disk is full: then its space is what the last lines are written into. */
export class DiskReserve {
  readonly #path: string
  #full = false

  constructor(path: string) {
    this.#path = path
  }

  /** The space was given up, or could not be had, because the disk is full. */
  get full(): boolean {
    return this.#full
  }

  /**
   * Takes the space; true when it has it. Where files cannot be made for another reason than a full disk there is no
   * reserve, and that is no failure: the log's own file may still be written.
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

  /** Gives the space up; false when there is nothing (any more) to give. */
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
    // Written, not only made that long: a hole takes no space.
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
