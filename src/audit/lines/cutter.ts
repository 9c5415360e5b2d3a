import { sha256 } from '../../crypto/fast/digest.ts'

/** Longer lines are never written. */
const longest = 16 * 1024 * 1024

/** A line in a buffer, without its line feed. The byte before it may be overwritten temporarily. */
export type LineVisitor = (buffer: Buffer, from: number, to: number) => void

/** Cuts bytes into lines, by line feed alone. */
export class LineCutter {
  #rest: Buffer = Buffer.alloc(0)
  readonly #visit: LineVisitor

  constructor(visit: LineVisitor) {
    this.#visit = visit
  }

  push(chunk: Buffer): void {
    // One byte of room in front of the first line, for the hash.
    const whole = Buffer.concat([Buffer.alloc(1), this.#rest, chunk])
    let from = 1
    for (let end = whole.indexOf(10, from); end >= 0; end = whole.indexOf(10, from)) {
      this.#visit(whole, from, end)
      from = end + 1
    }
    this.#rest = whole.subarray(from)
    if (this.#rest.length > longest) throw new RangeError('a line of more than 16 MiB')
  }

  /** Bytes after the last line feed. */
  get rest(): number {
    return this.#rest.length
  }
}

/** The leaf hash of a line in a buffer, without copying it. */
export function leafAt(buffer: Buffer, from: number, to: number): Buffer {
  const before = buffer[from - 1] as number
  buffer[from - 1] = 0
  const leaf = sha256(buffer.subarray(from - 1, to))
  buffer[from - 1] = before
  return leaf
}
