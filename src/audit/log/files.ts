import { closeSync, createReadStream, openSync, readSync } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { posix } from 'node:path'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Begin } from '../lines/first-line.ts'
import { readBegin } from '../lines/first-line.ts'
import type { Link } from '../lines/chain.ts'

/** A file of a log: its path and its first line. */
export interface LogFile {
  readonly path: string
  readonly begin: Begin
  /** Of the first line. */
  readonly link: Link
}

const notLogs = /\.(torn|checkpoints|vkeys|next|tmp|reserve|tlog-proof)$/
const longestHead = 1024 * 1024

/** All log files at a live path and beside it, also renamed ones, oldest first in each log. Unreadable files are left out. */
export async function logFilesAt(livePath: string): Promise<readonly LogFile[]> {
  const folder = posix.dirname(livePath)
  const base = posix.basename(livePath)
  const names = await readdir(folder).catch(() => [])
  const found: LogFile[] = []
  for (const name of names) {
    if (!name.startsWith(base) || notLogs.test(name)) continue
    const path = posix.join(folder, name)
    const head = await firstLine(path).catch(() => undefined)
    const read = head === undefined ? undefined : readBegin(head)
    if (read) found.push({ path, ...read })
  }
  // There may be copies of a file: the live one and those with our own names take precedence.
  const ours = ({ path, begin }: LogFile): number =>
    path === livePath ? 0 : path.startsWith(`${livePath}.${begin.log.slice(0, 8)}.`) ? 1 : 2
  return found.sort((a, b) => a.begin.file - b.begin.file || ours(a) - ours(b))
}

async function firstLine(path: string): Promise<string | undefined> {
  let text = Buffer.alloc(0)
  for await (const chunk of chunksOf(path)) {
    text = Buffer.concat([text, chunk])
    const end = text.indexOf(10)
    if (end >= 0) return text.toString('utf8', 0, end)
    if (text.length > longestHead) return undefined
  }
  return undefined
}

/** Reads the rest of a file in one step: nothing is written to it meanwhile. */
export function catchUp(path: string, from: number, end: number, take: (chunk: Buffer) => unknown): void {
  const fd = openSync(path, 'r')
  try {
    for (let at = from; at < end;) {
      const chunk = Buffer.allocUnsafe(Math.min(1024 * 1024, end - at))
      const read = readSync(fd, chunk, 0, chunk.length, at)
      if (read === 0) return
      at += read
      take(chunk.subarray(0, read))
    }
  } finally {
    closeSync(fd)
  }
}

/** The bytes of a log file, unpacked where it is packed. */
export function chunksOf(path: string): AsyncIterable<Buffer> {
  const source = createReadStream(path, { highWaterMark: 256 * 1024 })
  return (path.endsWith('.gz') ? pipeline(source, createGunzip(), () => {}) : source) as AsyncIterable<Buffer>
}

/** The bytes of a file that is being written, up to where `end` says it ends by now; it is asked again there. */
export async function* growingChunks(path: string, end: () => number): AsyncGenerator<Buffer> {
  const file = await open(path, 'r')
  try {
    for (let at = 0; at < end();) {
      const chunk = Buffer.allocUnsafe(Math.min(1024 * 1024, end() - at))
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at)
      if (bytesRead === 0) return
      at += bytesRead
      yield chunk.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}
