import { sameBytes } from '../util/bytes.ts'
import { keysOf, decryptChunk, overhead, encryptChunk } from './chunks.ts'
import { Damaged } from './damaged.ts'
import { headerBytes, readHeader, sizes } from './header.ts'
import type { Header } from './header.ts'
import { StreamReader, pieces } from './pieces.ts'
import type { Bytes, Piece } from './pieces.ts'

/** Plaintext bytes in a chunk of the envelopes that we write. */
const defaultChunkSize = 65_536

/** The parameters of a new envelope. */
export interface SealOptions extends Pick<Header, 'mount' | 'key' | 'wrapped'> {
  /** 32 fresh bytes; may be wiped when all was written. */
  readonly dataKey: Uint8Array
  readonly random: (count: number) => Uint8Array
  readonly chunk?: number
}

/** Encrypts a stream of any length in constant memory. */
export async function* seal(source: Bytes, making: SealOptions): AsyncGenerator<Uint8Array> {
  const { mount, key: name, wrapped, chunk = defaultChunkSize } = making
  const fixed = { chunk, salt: making.random(sizes.salt), mount, key: name }
  const { key, proof } = keysOf(making.dataKey, fixed)
  yield headerBytes({ ...fixed, proof, wrapped })
  for await (const { bytes, index, last } of pieces(source, chunk)) yield encryptChunk(key, bytes, index, last)
}

/** An envelope of which the header was read. */
export class Envelope {
  readonly header: Header
  readonly #source: StreamReader

  private constructor(header: Header, source: StreamReader) {
    this.header = header
    this.#source = source
  }

  /** Reads only the header. @throws Damaged */
  static async read(source: Bytes): Promise<Envelope> {
    const beginning = new StreamReader(source)
    return new Envelope(await readHeader(beginning), beginning)
  }

  /** Decrypts: every chunk is returned only after it was authenticated. @throws Damaged at the first invalid one */
  async *open(dataKey: Uint8Array): AsyncGenerator<Uint8Array> {
    const { chunk } = this.header
    const { key, proof } = keysOf(dataKey, this.header)
    if (!sameBytes(proof, this.header.proof))
      throw new Damaged('its header was changed, or its data key is that of another envelope')
    for await (const piece of pieces(this.#source.rest(), chunk + overhead)) {
      const { bytes, index, last } = piece
      const plaintext = decryptChunk(key, bytes, index, last)
      // An empty last chunk stands alone only: each content has one form.
      if (!plaintext || (plaintext.length === 0 && index > 0)) throw new Damaged(whyNot(piece, openOtherwise(piece)))
      yield plaintext
    }

    function openOtherwise({ bytes, index, last }: Piece): boolean {
      return decryptChunk(key, bytes, index, !last)?.fill(0) !== undefined
    }
  }

  /** The same envelope with its data key rewrapped. Nothing else changes, and nothing is checked. */
  async *rewrapped(wrapped: string): AsyncGenerator<Uint8Array> {
    yield headerBytes({ ...this.header, wrapped })
    yield* this.#source.rest()
  }
}

/** The problem of a chunk that is not authentic at its place. */
function whyNot({ bytes, index, last }: Piece, authenticOtherwise: boolean): string {
  if (authenticOtherwise && last) return 'it was cut off: its end is missing'
  if (authenticOtherwise) return 'something was appended to it'
  if (last && bytes.length < overhead) return 'it was cut off: its end is missing'
  return `chunk ${index + 1} was changed, or stands in the wrong place${last ? ', or the end was cut off' : ''}`
}
