import { StorageUnavailable } from '../../contract/storage.ts'

/** The files that a LevelDB database consists of, besides CURRENT and the manifest itself. */
interface LiveFiles {
  /** Numbers of its tables (`.ldb`, `.sst`). */
  readonly tables: ReadonlySet<number>
  /** Logs from this number on hold what is in no table yet. */
  readonly log: number
  readonly previousLog: number
}

const block = 32_768
const header = 7
const tags = { comparator: 1, log: 2, next: 3, last: 4, compaction: 5, deleted: 6, added: 7, previousLog: 9 } as const

/**
 * Reads a MANIFEST: a log of version edits (LevelDB's doc/log_format.md, db/version_edit.cc). A record that is cut off at
 * the end is not there yet. @throws StorageUnavailable for anything that LevelDB 1.20 does not write
 */
export function liveFiles(manifest: Uint8Array): LiveFiles {
  const tables = new Set<number>()
  let [log, previousLog] = [0, 0]
  for (const record of recordsOf(manifest)) {
    const edit = new Edit(record)
    while (!edit.atEnd) {
      const tag = edit.number()
      if (tag === tags.log) log = edit.number()
      else if (tag === tags.previousLog) previousLog = edit.number()
      else if (tag === tags.next || tag === tags.last) edit.number()
      else if (tag === tags.comparator) edit.skip()
      else if (tag === tags.compaction) {
        edit.number()
        edit.skip()
      } else if (tag === tags.deleted) {
        edit.number()
        tables.delete(edit.number())
      } else if (tag === tags.added) {
        edit.number()
        tables.add(edit.number())
        edit.number()
        edit.skip()
        edit.skip()
      } else throw unreadable()
    }
  }
  return { tables, log, previousLog }
}

function* recordsOf(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let parts: Uint8Array[] = []
  for (let at = 0; at + header <= bytes.length;) {
    const left = block - (at % block)
    if (left < header) {
      at += left
      continue
    }
    const length = view.getUint16(at + 4, true)
    const type = bytes[at + 6]
    if (type === 0 && length === 0) {
      at += left
      continue
    }
    const end = at + header + length
    if (type === undefined || type > 4 || length > left - header) throw unreadable()
    if (end > bytes.length) return
    parts.push(bytes.subarray(at + header, end))
    at = end
    // 1 is a whole record, 4 the last part of one.
    if (type !== 1 && type !== 4) continue
    yield Buffer.concat(parts)
    parts = []
  }
}

class Edit {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  /** A varint. Those that count (file numbers, sizes) fit a double. */
  number(): number {
    for (let [value, factor] = [0, 1]; ; factor *= 128) {
      const byte = this.#bytes[this.#at++]
      if (byte === undefined) throw unreadable()
      value += (byte % 128) * factor
      if (byte < 128) return value
    }
  }

  /** A key: its length and its bytes. */
  skip(): void {
    const length = this.number()
    this.#at += length
    if (this.#at > this.#bytes.length) throw unreadable()
  }
}

const unreadable = (): StorageUnavailable =>
  new StorageUnavailable('the list of the files of the storage (MANIFEST) cannot be read')
