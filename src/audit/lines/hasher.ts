import { createHmac } from 'node:crypto'
import { HmacSha256 } from '../../crypto/fast/hmac.ts'
import { piecesOf } from '../../util/json.ts'
import type { Steps } from '../../util/slices.ts'

const sliceBytes = 256 * 1024

/**
 * `hmac-sha256:` and the hexadecimal HMAC-SHA256 (RFC 2104) of strings with one device's salt, as in Vault's audit lines
 * and `sys/audit-hash`.
 */
export class Hasher {
  readonly #salt: Uint8Array
  readonly #hmac: HmacSha256
  /** Batches have a string for every item that is mostly empty: its hash is computed once. */
  #empty: string | undefined

  /** @param salt at most 64 bytes; `close` overwrites it. */
  constructor(salt: Uint8Array) {
    this.#salt = salt
    this.#hmac = new HmacSha256(salt)
  }

  /** The hash of a string's UTF-8 bytes, or of bytes. */
  of(value: string | Uint8Array): string {
    if (value === '') return (this.#empty ??= marked(this.#hmac.hex('')))
    return marked(this.#hmac.hex(value))
  }

  /** `of` for long strings, in slices. */
  *stepsOf(value: string | Uint8Array): Steps<string> {
    return yield* this.#stepsOver(typeof value === 'string' ? piecesOf(value) : slicesOf(value))
  }

  /** The hash of the concatenation of strings, in slices. */
  *stepsOfAll(pieces: readonly string[]): Steps<string> {
    return yield* this.#stepsOver(pieces)
  }

  *#stepsOver(pieces: Iterable<string | Uint8Array>): Steps<string> {
    const mac = createHmac('sha256', this.#salt)
    for (const piece of pieces) {
      mac.update(piece)
      yield
    }
    return marked(mac.digest('hex'))
  }

  /** Wipes the salt; no hashes can be computed afterwards. */
  close(): void {
    this.#hmac.wipe()
  }
}

const marked = (digest: string): string => `hmac-sha256:${digest}`

function* slicesOf(bytes: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += sliceBytes) yield bytes.subarray(at, at + sliceBytes)
}
