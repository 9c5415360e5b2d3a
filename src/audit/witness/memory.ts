import { hash } from 'node:crypto'
import { closeSync, constants, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import { readCheckpoint } from '../checkpoints/checkpoint.ts'
import { noteText, readNote } from '../checkpoints/note.ts'

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_RDONLY } = constants

/**
 * The memory of a witness: the last checkpoint of each log, one file each. Every call reads and writes the files at once
 * and without a pause, so that nothing can come between a look and a change.
 */
export class WitnessMemory {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }

  /**
   * The last checkpoint of a log; undefined if there is none. @throws Error if the file cannot be read: then nothing may be
   * signed.
   */
  last(origin: string): SignedCheckpoint | undefined {
    const text = this.#read(this.#path(origin))
    if (text === undefined) return undefined
    const note = readNote(text)
    const checkpoint = note && readCheckpoint(note.text)
    if (!note || checkpoint?.origin !== origin) throw new Error('what the witness knows of a log cannot be read')
    return { note, checkpoint }
  }

  /** Stores the newest checkpoint; it is on disk when this returns. */
  keep({ note, checkpoint }: SignedCheckpoint): void {
    const path = this.#path(checkpoint.origin)
    const next = `${path}.next`
    const fd = openSync(next, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600)
    try {
      writeSync(fd, noteText(note))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(next, path)
    const folder = openSync(this.#folder, O_RDONLY)
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  }

  #path(origin: string): string {
    return join(this.#folder, `${hash('sha256', origin)}.checkpoint`)
  }

  #read(path: string): string | undefined {
    try {
      return readFileSync(path, 'utf8')
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw thrown
    }
  }
}
