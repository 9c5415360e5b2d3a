import { refuse } from '../contract/fault.ts'
import { storageLimits } from '../contract/storage.ts'
import type { Entry } from '../contract/storage.ts'

/** Length of the key ‖ key ‖ revision ‖ length of the value ‖ value. */
const head = { key: 2, rev: 8, value: 4 } as const
/** Encrypted names are longer than plain ones; nothing that strongroom stores comes near. */
const longestKey = 16_384
const longestValue = 2 * storageLimits.valueBytes
const keyPattern = /^(seal|keyring|digest|[de]\/[\w/-]+)$/

/** Whether strongroom stores something at a key, and a snapshot has it. */
export const isRecordKey = (key: string): boolean => keyPattern.test(key)

/** Bytes of a record. */
export const recordSize = ({ key, value }: Entry): number =>
  head.key + key.length + head.rev + head.value + value.length

/** The records of a snapshot, one behind the other. Keys are ASCII. */
export function recordBytes(entries: readonly Entry[]): Buffer {
  const bytes = Buffer.allocUnsafe(entries.reduce((sum, entry) => sum + recordSize(entry), 0))
  let at = 0
  for (const { key, rev, value } of entries) {
    at = bytes.writeUInt16BE(key.length, at)
    at += bytes.write(key, at, 'latin1')
    at = bytes.writeBigUInt64BE(rev, at)
    at = bytes.writeUInt32BE(value.length, at)
    bytes.set(value, at)
    at += value.length
  }
  return bytes
}

/** Reads records from pieces that are cut anywhere. Keys must be what strongroom stores, and in byte order. */
export class RecordReader {
  readonly #newest: bigint
  #parts: Buffer[] = []
  #size = 0
  /** Fewer bytes are no complete record. */
  #needed = 0
  #lastKey = ''
  count = 0

  /** @param newest no record has a later revision */
  constructor(newest: bigint) {
    this.#newest = newest
  }

  /** The records that are complete now. @throws Fault invalid_request */
  take(piece: Buffer): readonly Entry[] {
    this.#parts.push(piece)
    this.#size += piece.length
    if (this.#size < this.#needed) return []
    const bytes = this.#parts.length === 1 ? piece : Buffer.concat(this.#parts)
    const entries: Entry[] = []
    let at = 0
    for (;;) {
      const found = this.#read(bytes, at)
      if (!found) break
      entries.push(found.entry)
      at = found.end
    }
    this.#size = bytes.length - at
    this.#parts = this.#size === 0 ? [] : [Buffer.from(bytes.subarray(at))]
    this.count += entries.length
    return entries
  }

  /** @throws Fault invalid_request when a record is cut off */
  end(): void {
    if (this.#size > 0) throw wrong('its last record is cut off')
  }

  #read(bytes: Buffer, at: number): { readonly entry: Entry; readonly end: number } | undefined {
    this.#needed = head.key
    if (bytes.length - at < head.key) return undefined
    const keyLength = bytes.readUInt16BE(at)
    if (keyLength > longestKey) throw wrong('a record has a name that is too long')
    const valueAt = at + head.key + keyLength + head.rev + head.value
    this.#needed = valueAt - at
    if (bytes.length < valueAt) return undefined
    const length = bytes.readUInt32BE(valueAt - head.value)
    if (length > longestValue) throw wrong('a record is too long')
    this.#needed = valueAt + length - at
    if (bytes.length < valueAt + length) return undefined
    const key = bytes.toString('latin1', at + head.key, at + head.key + keyLength)
    const rev = bytes.readBigUInt64BE(at + head.key + keyLength)
    if (!isRecordKey(key)) throw wrong('a record has a name that strongroom does not store')
    if (key <= this.#lastKey) throw wrong('its records are not in order')
    if (rev < 1n || rev > this.#newest) throw wrong('a record has a revision that cannot be')
    this.#lastKey = key
    return { entry: { key, rev, value: bytes.subarray(valueAt, valueAt + length) }, end: valueAt + length }
  }
}

const wrong = (what: string) => refuse(`the snapshot was changed or is damaged: ${what}`)
