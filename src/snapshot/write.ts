import { createHash } from 'node:crypto'
import { pipeline } from 'node:stream'
import { Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { Entry } from '../contract/storage.ts'
import { utf8 } from '../util/bytes.ts'
import { recordBytes } from './records.ts'
import type { SnapshotMeta } from './meta.ts'
import { names, sealText, sha256, sumsText } from './sums.ts'
import { tarEnd, tarHeader, tarPadding } from './tar.ts'

/** The parts of a snapshot whose content is known before it is written. */
export interface SnapshotContent {
  readonly meta: SnapshotMeta
  /** Of the records, hexadecimal. */
  readonly sha256: string
  /** The records, a second time: the very same. */
  readonly entries: () => AsyncIterable<readonly Entry[]>
  /** Seals the sums. */
  readonly mac: (sums: Uint8Array) => Uint8Array
}

/**
 * A snapshot as a file: a tar of `meta.json`, `state.bin`, `SHA256SUMS` and `SHA256SUMS.sealed`, packed with gzip. The last
 * one is missing when anything failed, so that a file that was cut off is never taken for a whole one.
 * @param done called once, when it has been read or was given up
 */
export function snapshotFile(content: SnapshotContent, done: () => void): Readable {
  // The values are ciphertext, which nothing makes shorter; the names are base64url.
  const packed = createGzip({ level: 1, chunkSize: 65_536 })
  pipeline(Readable.from(archive(content), { objectMode: false }), packed, () => done())
  return packed
}

async function* archive({ meta, sha256: state, entries, mac }: SnapshotContent): AsyncGenerator<Buffer> {
  const at = Math.floor(Date.parse(meta.created) / 1000)
  const file = (name: string, content: Uint8Array): Buffer =>
    Buffer.concat([tarHeader(name, content.length, at), content, tarPadding(content.length)])
  const metaBytes = utf8(`${JSON.stringify(meta, undefined, 2)}\n`)
  yield file(names.meta, metaBytes)
  yield tarHeader(names.state, meta.bytes, at)
  const sum = createHash('sha256')
  for await (const page of entries()) {
    const part = recordBytes(page)
    sum.update(part)
    if (part.length > 0) yield part
  }
  if (sum.digest('hex') !== state) throw new Error('the snapshot changed while it was written')
  yield tarPadding(meta.bytes)
  const sums = utf8(sumsText(sha256(metaBytes), state))
  yield file(names.sums, sums)
  yield file(names.seal, utf8(sealText(mac(sums))))
  yield tarEnd
}
