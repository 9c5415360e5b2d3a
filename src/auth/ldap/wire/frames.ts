import { headOf } from './ber.ts'
import { DirectoryError } from './directory-error.ts'

/** The most bytes that a server may send on one connection. */
const mostBytes = 8 * 1024 * 1024

/** Cuts the bytes of a connection into messages, in linear time. */
export class Frames {
  #parts: Buffer[] = []
  #size = 0
  #total = 0
  /** The size of the first message; undefined: not known yet. */
  #needed: number | undefined

  /** Bytes that belong to no message yet. */
  get size(): number {
    return this.#size
  }

  /** @throws DirectoryError when there are too many */
  push(bytes: Buffer): void {
    this.#parts.push(bytes)
    this.#size += bytes.length
    this.#total += bytes.length
    if (this.#total > mostBytes) throw new DirectoryError(`the response is larger than ${mostBytes} bytes`)
  }

  /** The next message (RFC 4511 section 4.1.1); undefined: not there yet. @throws DirectoryError when the bytes are none */
  next(): Buffer | undefined {
    this.#needed ??= this.#sizeOfNext()
    if (this.#needed === undefined || this.#size < this.#needed) return undefined
    const all = this.#joined()
    const message = all.subarray(0, this.#needed)
    this.#parts = [all.subarray(this.#needed)]
    this.#size -= this.#needed
    this.#needed = undefined
    return message
  }

  #sizeOfNext(): number | undefined {
    if (this.#size < 2) return undefined
    const head = headOf(this.#joined())
    if (head && head.tag !== 0x30) throw new DirectoryError('the response is no LDAP message')
    return head?.end
  }

  #joined(): Buffer {
    const all = this.#parts.length === 1 && this.#parts[0] ? this.#parts[0] : Buffer.concat(this.#parts)
    this.#parts = [all]
    return all
  }
}
