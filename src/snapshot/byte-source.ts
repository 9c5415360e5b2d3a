import { refuse } from '../contract/fault.ts'

/** Reads a stream by numbers of bytes. */
export class ByteSource {
  readonly #stream: AsyncIterator<Buffer>
  #buffer: Buffer = Buffer.alloc(0)

  constructor(stream: AsyncIterable<Buffer>) {
    this.#stream = stream[Symbol.asyncIterator]()
  }

  /** Exactly so many bytes; for few. @throws Fault invalid_request when the stream ends before */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    for await (const piece of this.pieces(length)) parts.push(piece)
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  }

  /** So many bytes, as they come. @throws Fault invalid_request when the stream ends before */
  async *pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      if (this.#buffer.length === 0 && !(await this.#fill()))
        throw refuse('the snapshot was changed or is damaged: its end is cut off')
      const piece = this.#buffer.subarray(0, left)
      this.#buffer = this.#buffer.subarray(piece.length)
      left -= piece.length
      yield piece
    }
  }

  /** Everything that is left. */
  async *rest(): AsyncGenerator<Buffer> {
    do {
      const piece = this.#buffer
      this.#buffer = Buffer.alloc(0)
      if (piece.length > 0) yield piece
    } while (await this.#fill())
  }

  async #fill(): Promise<boolean> {
    const { done, value } = await this.#stream.next()
    if (done) return false
    this.#buffer = value
    return true
  }
}
