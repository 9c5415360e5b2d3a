import { sha256 } from '../../crypto/fast/digest.ts'
import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { rangeBefore } from '../lines/first-line.ts'
import type { OfflineFile } from '../offline/given-files.ts'
import { offlineLogs, livePaths } from '../offline/given-files.ts'
import { rawLines } from '../offline/raw-lines.ts'
import { consistencySpans, SpanHasher } from '../checkpoints/proofs.ts'
import { CompactRange } from '../checkpoints/tree.ts'

/** A place between two lines: the tree of those before, and where the next one begins. */
interface Mark {
  readonly range: CompactRange
  /** Number of the first line of the file. */
  readonly first: number
  readonly offset: number
}

/**
 * Proves from its files that a log extends the last proved size: earlier lines are not read again. The state changes only
 * with `proved`.
 */
export class LogGrowth {
  readonly #livePath: string
  readonly #log: string
  #mark: Mark | undefined
  #next: Mark | undefined

  /** @param log the id of the log */
  constructor(livePath: string, log: string) {
    this.#livePath = livePath
    this.#log = log
  }

  /** The hashes that join two sizes. @throws Error when lines between them are not in the files */
  async hashes(old: number, size: number): Promise<readonly Uint8Array[]> {
    const files = await this.#files()
    const resumed = this.#mark?.range.size === old ? this.#mark : undefined
    // A file that was packed meanwhile is read from its start.
    const packed = files.some(({ first, path }) => first === resumed?.first && path.endsWith('.gz'))
    const mark = resumed && !packed ? resumed : startBefore(files, old)
    const range = mark.range.copy()
    const hasher = new SpanHasher(consistencySpans(old, size), mark.range)
    let { first, offset } = mark
    for (const file of files.filter((one) => one.first >= mark.first)) {
      if (file.first !== first) [first, offset] = [file.first, 0]
      for await (const lines of rawLines(file.path, undefined, undefined, offset))
        for (const { bytes, whole } of lines) {
          if (!whole || range.size === size) continue
          const leaf = sha256(bytes)
          range.push(leaf)
          hasher.push(leaf)
          offset += bytes.length
        }
      if (range.size === size) break
    }
    if (range.size !== size) throw new Error('lines of the log are not in its files')
    this.#next = { range, first, offset }
    return hasher.roots()
  }

  /** The witness has recorded the log at the size of the last proof. */
  proved(): void {
    this.#mark = this.#next ?? this.#mark
    this.#next = undefined
  }

  async #files(): Promise<readonly OfflineFile[]> {
    const folder = dirname(this.#livePath)
    const names = await readdir(folder)
    const own = names
      .map((name) => join(folder, name))
      .filter((path) => basename(path).startsWith(basename(this.#livePath)) && livePaths(path).includes(this.#livePath))
    const log = (await offlineLogs(own)).find(({ id }) => id === this.#log)
    if (!log) throw new Error('the files of the log are not there')
    return log.files
  }
}

/** The start of the last file that begins before line `old` + 1. */
function startBefore(files: readonly OfflineFile[], old: number): Mark {
  const file = files.findLast(({ first }) => first >= 1 && first - 1 <= old)
  const range = file && (file.first === 1 ? new CompactRange() : file.begin && rangeBefore(file.begin))
  if (!file || !range) throw new Error('the files of the log do not tell the tree that the witness has seen')
  return { range, first: file.first, offset: 0 }
}
