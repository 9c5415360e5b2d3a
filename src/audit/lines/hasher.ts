import { createHmac, hash } from 'node:crypto'
import { wipe } from '../../util/bytes.ts'
import { piecesOf } from '../../util/json.ts'
import type { Steps } from '../../util/slices.ts'

const block = 64
const scratchBytes = 4096
const sliceBytes = 256 * 1024

/**
 * `hmac-sha256:` and the hexadecimal HMAC-SHA256 (RFC 2104) of texts under one device's salt, as Vault's audit lines
 * and `sys/audit-hash` show them.
 */
export class Hasher {
  readonly #salt: Uint8Array
  readonly #inner = Buffer.alloc(block + scratchBytes)
  readonly #outer = Buffer.alloc(block + 32)
  /** Batches have a text for every item that is mostly empty: its hash is made once. */
  #empty: string | undefined

  constructor(salt: Uint8Array) {
    if (salt.length > block) throw new RangeError('an audit salt is at most 64 bytes long')
    this.#salt = salt
    for (let at = 0; at < block; at++) {
      this.#inner[at] = (salt[at] ?? 0) ^ 0x36
      this.#outer[at] = (salt[at] ?? 0) ^ 0x5c
    }
  }

  /** The hash of a text's UTF-8 bytes, or of bytes. */
  of(value: string | Uint8Array): string {
    if (value === '') return (this.#empty ??= this.#short(''))
    // The one-shot digest over our own pads takes half the time of an Hmac object; a letter is at most three bytes.
    if (typeof value === 'string' && value.length <= scratchBytes / 3) return this.#short(value)
    return `hmac-sha256:${createHmac('sha256', this.#salt).update(value).digest('hex')}`
  }

  /** `of` for what is long, in parts. */
  *stepsOf(value: string | Uint8Array): Steps<string> {
    return yield* this.#stepsOver(typeof value === 'string' ? piecesOf(value) : slicesOf(value))
  }

  /** The hash of pieces of a text as one, in parts. */
  *stepsOfAll(pieces: readonly string[]): Steps<string> {
    return yield* this.#stepsOver(pieces)
  }

  *#stepsOver(pieces: Iterable<string | Uint8Array>): Steps<string> {
    const mac = createHmac('sha256', this.#salt)
    for (const piece of pieces) {
      mac.update(piece)
      yield
    }
    return `hmac-sha256:${mac.digest('hex')}`
  }

  #short(text: string): string {
    const end = block + this.#inner.write(text, block)
    this.#outer.write(hash('sha256', this.#inner.subarray(0, end), 'binary'), block, 'latin1')
    this.#inner.fill(0, block, end)
    return `hmac-sha256:${hash('sha256', this.#outer, 'hex')}`
  }

  /** Wipes the salt; nothing can be hashed after. */
  close(): void {
    wipe(this.#salt, this.#inner, this.#outer)
  }
}

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes)
}
