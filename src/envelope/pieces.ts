/** Received bytes, in parts of any size. */
export type Bytes = AsyncIterable<Uint8Array>

/** A piece of a stream. */
export interface Piece {
  /** Valid until the next piece is requested: its memory is used again. */
  readonly bytes: Uint8Array
  /** Counted from 0. */
  readonly index: number
  readonly last: boolean
}

/**
 * Cuts a stream into pieces of `size` bytes. The last one may be shorter; it is empty only if the stream is. What is last
 * is known only with the end, so one piece is always held back.
 */
export async function* pieces(source: Bytes, size: number): AsyncGenerator<Piece> {
  const held = new Uint8Array(size)
  let [filled, index] = [0, 0]
  for await (const part of source) {
    for (let at = 0; at < part.length;) {
      if (filled === size) {
        yield { bytes: held, index: index++, last: false }
        filled = 0
      }
      const taken = part.subarray(at, at + size - filled)
      held.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  yield { bytes: held.subarray(0, filled), index, last: true }
}

/** A stream whose first bytes are read separately. */
export class StreamReader {
  readonly #source: AsyncIterator<Uint8Array>
  #held: Uint8Array = new Uint8Array()

  constructor(source: Bytes) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** The next bytes; fewer than `count` only at the end of the stream. */
  async take(count: number): Promise<Uint8Array> {
    while (this.#held.length < count) {
      const next = await this.#source.next()
      if (next.done === true) break
      this.#held = Buffer.concat([this.#held, next.value])
    }
    const taken = this.#held.slice(0, count)
    this.#held = this.#held.subarray(taken.length)
    return taken
  }

  /** All remaining bytes. */
  async *rest(): AsyncGenerator<Uint8Array> {
    try {
      if (this.#held.length > 0) yield this.#held
      for (let next = await this.#source.next(); next.done !== true; next = await this.#source.next()) yield next.value
    } finally {
      await this.#source.return?.()
    }
  }
}
