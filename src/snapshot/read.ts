import { createHash } from 'node:crypto'
import { Readable, pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { Fault, refuse } from '../contract/fault.ts'
import type { Entry } from '../contract/storage.ts'
import { Slices } from '../util/slices.ts'
import { ByteSource } from './byte-source.ts'
import { longestMeta, readMeta } from './meta.ts'
import type { SnapshotMeta } from './meta.ts'
import { RecordReader } from './records.ts'
import { names, readSeal, readSums, sha256 } from './sums.ts'
import { readTarHeader, tarBlock, tarPadding } from './tar.ts'

/** Takes what is read, before it is known whether all of it is right. */
export interface SnapshotSink {
  readonly begin?: (meta: SnapshotMeta) => Promise<void> | void
  readonly add?: (entries: readonly Entry[]) => Promise<void> | void
}

/** A snapshot that was read to its end, and whose sums are right. Whose seal it is, only its keys tell. */
export interface ReadSnapshot {
  readonly meta: SnapshotMeta
  /** The content of `SHA256SUMS`. */
  readonly sums: Uint8Array
  /** Of the records, hexadecimal. */
  readonly sha256: string
  /** The HMAC over the sums. */
  readonly mac: Uint8Array
}

/** Reads a snapshot, whatever it is: nothing in it is trusted. @throws Fault invalid_request saying what is wrong */
export async function readSnapshot(file: AsyncIterable<Uint8Array>, sink: SnapshotSink = {}): Promise<ReadSnapshot> {
  const unpacked = createGunzip({ chunkSize: 65_536 })
  // The caller sees the failure at the end of the pipe.
  pipeline(Readable.from(file, { objectMode: false }), unpacked, () => {})
  try {
    return await readArchive(new ByteSource(unpacked), sink)
  } catch (thrown) {
    throw faultOf(thrown)
  } finally {
    unpacked.destroy()
  }
}

async function readArchive(source: ByteSource, sink: SnapshotSink): Promise<ReadSnapshot> {
  const metaBytes = await smallFile(source, names.meta, longestMeta)
  const meta = readMeta(metaBytes)
  await sink.begin?.(meta)
  const size = await header(source, names.state)
  if (size !== meta.bytes) throw damaged('state.bin has another length than meta.json tells')
  const state = await readState(source, meta, sink)
  const sums = await smallFile(source, names.sums, 4096)
  const told = readSums(sums)
  if (told?.meta !== sha256(metaBytes) || told.state !== state) throw damaged('its content does not fit SHA256SUMS')
  const mac = readSeal(await smallFile(source, names.seal, 4096))
  if (!mac) throw damaged('SHA256SUMS.sealed has no seal of strongroom')
  await readEnd(source)
  return { meta, sums, sha256: state, mac }
}

/** @returns the SHA-256 of the records */
async function readState(source: ByteSource, meta: SnapshotMeta, sink: SnapshotSink): Promise<string> {
  const sum = createHash('sha256')
  const reader = new RecordReader(BigInt(meta.revision))
  const slices = new Slices()
  for await (const piece of source.pieces(meta.bytes)) {
    sum.update(piece)
    const entries = reader.take(piece)
    if (entries.length > 0) await sink.add?.(entries)
    await slices.pause()
  }
  reader.end()
  if (reader.count !== meta.records) throw damaged('it has another number of records than meta.json tells')
  await padding(source, meta.bytes)
  return sum.digest('hex')
}

async function header(source: ByteSource, name: string): Promise<number> {
  const found = readTarHeader(await source.take(tarBlock))
  if (found?.name !== name)
    throw refuse(`the file is no snapshot of strongroom, or it was changed: ${name} is not where it must be`)
  return found.size
}

async function smallFile(source: ByteSource, name: string, most: number): Promise<Buffer> {
  const size = await header(source, name)
  if (size > most) throw damaged(`${name} is too long`)
  const content = await source.take(size)
  await padding(source, size)
  return content
}

async function padding(source: ByteSource, size: number): Promise<void> {
  const rest = await source.take(tarPadding(size).length)
  if (rest.some((byte) => byte !== 0)) throw damaged('there is something between its files')
}

/** Other writers of tar pad the end to 10 KiB. */
async function readEnd(source: ByteSource): Promise<void> {
  const slices = new Slices()
  let length = 0
  for await (const piece of source.rest()) {
    length += piece.length
    if (piece.some((byte) => byte !== 0) || length > 64 * tarBlock) throw damaged('there is something behind its end')
    await slices.pause()
  }
  if (length < 2 * tarBlock) throw damaged('its end is cut off')
}

function faultOf(thrown: unknown): unknown {
  if (thrown instanceof Fault) return thrown
  const { code = '' } = thrown as NodeJS.ErrnoException
  if (code === 'Z_BUF_ERROR') return damaged('its end is cut off')
  if (code.startsWith('Z_')) return refuse('the file is no snapshot, or it was changed: it is not packed with gzip')
  return thrown
}

const damaged = (what: string): Fault => refuse(`the snapshot was changed or is damaged: ${what}`)
