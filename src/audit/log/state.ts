import type { AuditTail } from '../../contract/audit.ts'
import { archiveOf } from '../checkpoints/checkpoint-file.ts'
import type { Begin, Follows } from '../lines/first-line.ts'
import { originOf, readBegin } from '../lines/first-line.ts'
import type { Chained, Link } from '../lines/chain.ts'
import { after, chained, start } from '../lines/chain.ts'
import { CompactRange } from '../checkpoints/tree.ts'

/** How far lines are on disk. */
export interface Mark {
  readonly size: number
  /** The leaf hash of the last line, base64; '' for none. */
  readonly leaf: string
}

/** The end of a log at a point in time. */
export interface Head extends Mark {
  readonly log: string
  /** Number of the live file. */
  readonly file: number
  /** Bytes in it. */
  readonly offset: number
  /** Base64; absent while the tree is not known. */
  readonly root?: string
  readonly synced: Mark
}

/**
 * One device's log as far as it was written: its chain, its tree, and the file it is in. A log without files (a stream)
 * has a chain only.
 */
export class LogState {
  readonly device: string
  #id: string
  #file: number
  /** Number of the first line of the live file. */
  #first: number
  #next: Link
  #range: CompactRange | undefined
  #offset: number
  #synced: Mark
  #follows: Follows | undefined
  #previous: string | undefined
  #hasPeaks: boolean
  /** Vkeys that sign, for first lines. */
  keys: readonly string[] = []
  /** Size of the newest checkpoint that is on disk beside the log; 0: none. */
  signed = 0

  private constructor(device: string, id: string, next: Link) {
    this.device = device
    this.#id = id
    this.#next = next
    this.#file = 1
    this.#first = next.seq
    this.#offset = 0
    this.#synced = { size: next.seq - 1, leaf: next.prev }
    this.#range = next.seq === 1 ? new CompactRange() : undefined
    this.#hasPeaks = this.#range !== undefined
  }

  /**
   * Continues from the state that a device found. `id` is for a new log. @throws Fault if another program wrote the last line.
   */
  static at(device: string, { line, head, size }: AuditTail, id: string): LogState {
    const state = new LogState(device, id, line === undefined ? start : after(line))
    const begin = head === undefined ? undefined : readBegin(head)
    state.#offset = size ?? 0
    if (!begin) return state
    const { log, file, keys, peaks } = begin.begin
    state.#id = log
    state.#file = file
    state.#first = begin.link.seq
    state.keys = keys
    state.#hasPeaks = peaks !== undefined
    return state
  }

  get id(): string {
    return this.#id
  }

  get origin(): string {
    return originOf(this.device, this.#id)
  }

  get file(): number {
    return this.#file
  }

  get size(): number {
    return this.#next.seq - 1
  }

  /** Bytes in the live file. */
  get offset(): number {
    return this.#offset
  }

  /** Undefined until the files were read. */
  get range(): CompactRange | undefined {
    return this.#range
  }

  /** Whether the first line of the live file has the tree before it. */
  get hasPeaks(): boolean {
    return this.#hasPeaks
  }

  get leaf(): string {
    return this.#next.prev
  }

  /** The name of the live file after it is closed. */
  archive(livePath: string): string {
    return archiveOf(livePath, this.#id, this.#first, this.size)
  }

  /** Changes whenever the head does. */
  get version(): string {
    return `${this.#id} ${this.#file} ${this.size} ${this.#synced.size} ${this.signed};`
  }

  /** Without the root, where it is not needed, it costs little. */
  head(withRoot = true): Head {
    const { size, leaf } = this
    const root = !withRoot || !this.#range ? {} : { root: Buffer.from(this.#range.root()).toString('base64') }
    return { log: this.#id, file: this.#file, size, leaf, offset: this.#offset, ...root, synced: this.#synced }
  }

  /** The next lines to write. They are not counted before `take`. */
  chain(open: readonly string[]): Chained {
    return chained(this.#next, open)
  }

  /** They were written. */
  take({ text, next, leaves }: Chained): void {
    this.#next = next
    this.#offset += Buffer.byteLength(text)
    if (this.#range) for (const leaf of leaves) this.#range.push(leaf)
  }

  /** Everything up to this mark is on disk. */
  onDisk(mark: Mark & { readonly log: string }): void {
    if (mark.log === this.#id && mark.size > this.#synced.size) this.#synced = { size: mark.size, leaf: mark.leaf }
  }

  /** The tree as the files have it. @throws RangeError when it is not that of as many lines. */
  know(range: CompactRange): void {
    if (range.size !== this.size) throw new RangeError('the tree of another log')
    this.#range = range
  }

  /** The contents of the first line of the live file, if it was written now. */
  begin(): Begin {
    const { size } = this
    return {
      format: 1,
      log: this.#id,
      origin: this.origin,
      device: this.device,
      file: this.#file,
      size,
      ...(this.#range && { peaks: this.#range.peaks.map((peak) => Buffer.from(peak).toString('base64')) }),
      keys: this.keys,
      ...(this.#previous !== undefined && { previous: this.#previous }),
      ...(this.#follows && { follows: this.#follows }),
    }
  }

  /** The state of the log in the next file; `previous` is the new name of the current one, if it is known. */
  inNextFile(previous?: string): LogState {
    const next = this.#copy()
    next.#file = this.#file + 1
    next.#previous = previous
    next.#intoFile()
    return next
  }

  /** Another log, which begins after this one. */
  anew(id: string, why: string): LogState {
    const next = new LogState(this.device, id, start)
    next.#follows = { log: this.#id, size: this.size, leaf: this.leaf, why }
    return next
  }

  #copy(): LogState {
    const copy = new LogState(this.device, this.#id, this.#next)
    copy.#range = this.#range?.copy()
    copy.#synced = this.#synced
    copy.keys = this.keys
    copy.signed = this.signed
    return copy
  }

  #intoFile(): void {
    this.#first = this.#next.seq
    this.#offset = 0
    this.#follows = undefined
    this.#hasPeaks = this.#range !== undefined
  }
}
