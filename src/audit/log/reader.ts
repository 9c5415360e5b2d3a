import type { Begin } from '../lines/first-line.ts'
import { rangeBefore, readBegin } from '../lines/first-line.ts'
import type { Mark } from './state.ts'
import type { LogFile } from './files.ts'
import { LineCutter, leafAt } from '../lines/cutter.ts'
import { markBefore } from '../lines/marks.ts'
import { CompactRange } from '../checkpoints/tree.ts'
import { notStrict } from '../lines/strict-json.ts'

/** The state of a log after a certain line. */
interface Point {
  readonly size: number
  /** The leaf hash of that line. */
  readonly leaf: Uint8Array
  readonly root: Uint8Array
}

/** The end of the valid part of a log. The `size` lines before it are valid. */
interface Break {
  readonly size: number
  readonly why: string
  /** The leaf hash of the first invalid line, base64. */
  readonly leaf?: string
}

/**
 * Reads the files of one log in their order, recomputes chain and tree from the bytes, and stops at the first line that
 * does not fit.
 */
export class LogReader {
  readonly #range: CompactRange
  readonly #points: number[]
  /** Lines after it are not vouched for: they must have the form that a server writes. */
  readonly #lastTrusted: number
  #log: string
  #file: number
  #leaf: Uint8Array
  #prev: string
  #atStart = true
  #cutter = new LineCutter((buffer, from, to) => this.#line(buffer, from, to))
  #broken: Break | undefined
  readonly found = new Map<number, Point>()
  /** Lines about an unseal that were read, and the highest epoch in them. */
  opened = { count: 0, epoch: 0 }
  /** The highest commit number in a line. */
  commit = 0
  /**
   * The last line that was written while the server was unsealed: the number of those after it grows with every attempt to
   * unseal.
   */
  #own: Mark

  /**
   * @param first the first file to read; its first line must have the tree before it.
   * @param points sizes at which to remember leaf and root.
   */
  constructor(first: LogFile, points: readonly number[]) {
    const range = rangeBefore(first.begin)
    if (!range) throw new RangeError('the first line of this file does not have the tree before it')
    this.#range = range
    this.#points = [...new Set(points)].filter((size) => size > range.size).sort((a, b) => a - b)
    this.#lastTrusted = this.#points.at(-1) ?? range.size
    this.#log = first.begin.log
    this.#file = first.begin.file
    this.#prev = first.link.prev
    this.#leaf = Buffer.from(first.link.prev, 'base64')
    this.#own = { size: range.size, leaf: first.link.prev }
    this.#mark(range.size)
  }

  get size(): number {
    return this.#range.size
  }

  get range(): CompactRange {
    return this.#range
  }

  /** The end of the log without lines that were written while the server was sealed. */
  get own(): Mark {
    return this.#own
  }

  /** The leaf hash of the last line, base64. */
  get leaf(): string {
    return this.#prev
  }

  /** Bytes of the present file that were read. */
  offset = 0

  get broken(): Break | undefined {
    return this.#broken
  }

  /** Reads one file, the next of the log. False when it broke. */
  async read(chunks: AsyncIterable<Buffer>): Promise<boolean> {
    try {
      for await (const chunk of chunks) if (!this.take(chunk)) return false
    } catch (thrown) {
      this.#broken = {
        size: this.size,
        why: `the file cannot be read: ${thrown instanceof Error ? thrown.message : ''}`,
      }
      return false
    }
    return true
  }

  /** Adds the next bytes of the current file. False after damage. */
  take(chunk: Buffer): boolean {
    this.#cutter.push(chunk)
    this.offset += chunk.length
    return this.#broken === undefined
  }

  /** The last file is at its end: another one continues. */
  nextFile(): void {
    if (this.#cutter.rest > 0) this.#break('the end of its file is cut off')
    this.#cutter = new LineCutter((buffer, from, to) => this.#line(buffer, from, to))
    this.#file++
    this.offset = 0
    this.#atStart = true
  }

  #line(buffer: Buffer, from: number, to: number): void {
    if (this.#broken) return
    const seq = this.size + 1
    const tail = `,"chain":{"seq":${seq},"prev":"${this.#prev}"}}`
    if (to - from <= tail.length || buffer.toString('latin1', to - tail.length, to) !== tail)
      return this.#break('it or the line before it was changed, removed or added', leafAt(buffer, from, to))
    const problem = seq > this.#lastTrusted ? notStrict(buffer.subarray(from, to)) : undefined
    if (problem !== undefined) return this.#break(problem, leafAt(buffer, from, to))
    if (this.#atStart) this.#begin(buffer.toString('utf8', from, to))
    else if (isNote(buffer, from)) this.#note(buffer.toString('utf8', from, to))
    if (this.#broken) return undefined
    this.#atStart = false
    this.#leaf = leafAt(buffer, from, to)
    this.#prev = Buffer.from(this.#leaf).toString('base64')
    this.#range.push(this.#leaf)
    this.#readMark(markBefore(buffer, from, to - tail.length))
    if (this.#points[0] === seq) this.#mark(seq)
    return undefined
  }

  #readMark(mark: ReturnType<typeof markBefore>): void {
    if (mark !== 'boot') this.#own = { size: this.size, leaf: this.#prev }
    if (typeof mark === 'object') this.commit = Math.max(this.commit, mark.commit)
  }

  #begin(line: string): void {
    const read = readBegin(line)
    if (!read || !this.#fits(read.begin)) this.#break('its file does not begin as the next one of this log')
  }

  #note(line: string): void {
    const request = noteIn(line)
    if (!request) return this.#break('it is not a line that a server writes')
    if (request.path !== 'sys/audit/open') return
    const epoch = Number(request.data?.epoch)
    if (!Number.isSafeInteger(epoch)) return this.#break('it does not have the number of its unseal')
    this.opened = { count: this.opened.count + 1, epoch: Math.max(this.opened.epoch, epoch) }
  }

  #fits({ log, file, size, peaks }: Begin): boolean {
    if (log !== this.#log || file !== this.#file || size !== this.size) return false
    const encodedPeaks = this.#range.peaks.map((peak) => Buffer.from(peak).toString('base64'))
    return (
      peaks === undefined ||
      (peaks.length === encodedPeaks.length && peaks.every((peak, at) => peak === encodedPeaks[at]))
    )
  }

  #mark(size: number): void {
    this.found.set(size, { size, leaf: this.#leaf, root: this.#range.root() })
    if (this.#points[0] === size) this.#points.shift()
  }

  #break(why: string, leaf?: Uint8Array): void {
    this.#broken ??= { size: this.size, why, ...(leaf && { leaf: Buffer.from(leaf).toString('base64') }) }
  }
}

interface NoteRequest {
  readonly path?: unknown
  readonly data?: { readonly epoch?: unknown } | null
}

function noteIn(line: string): NoteRequest | undefined {
  try {
    return (JSON.parse(line) as { readonly request?: NoteRequest }).request
  } catch {
    return undefined
  }
}

const noteStart = '"type":"request","request":{'
/** After `{"time":"` and 30 characters of time. */
const noteAt = 41

/** Lines about the log itself lack `auth`, with which all others begin: no caller can produce one. */
function isNote(buffer: Buffer, from: number): boolean {
  return buffer.toString('latin1', from + noteAt, from + noteAt + noteStart.length) === noteStart
}
