import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import type { AuditTail } from '../../contract/audit.ts'

const blockBytes = 64 * 1024
const lineFeed = 10

/**
 * The last whole line of an open, readable file. Bytes behind its line feed are half a line that a crash left: they are
 * moved to `<path>.torn`, so that the next line begins where a line begins.
 */
export function takeTail(fd: number, path: string): AuditTail {
  const { size } = fstatSync(fd)
  const end = lastLineFeed(fd, size) + 1
  const torn = end < size ? setAside(fd, end, size, path) : undefined
  const found = { size: end, ...(torn && { torn }) }
  if (end === 0) return found
  const begin = lastLineFeed(fd, end - 1) + 1
  const start = bytesOf(fd, 0, Math.min(end, blockBytes))
  const head = start.toString('utf8', 0, Math.max(0, start.indexOf(lineFeed)))
  return { ...found, line: bytesOf(fd, begin, end - 1).toString(), head }
}

/** The position of the last line feed before `end`; -1: none. */
function lastLineFeed(fd: number, end: number): number {
  for (let to = end; to > 0; to -= blockBytes) {
    const from = Math.max(0, to - blockBytes)
    const found = bytesOf(fd, from, to).lastIndexOf(lineFeed)
    if (found >= 0) return from + found
  }
  return -1
}

function bytesOf(fd: number, from: number, to: number): Buffer {
  const bytes = Buffer.alloc(to - from)
  for (let at = 0; at < bytes.length;) {
    const read = readSync(fd, bytes, at, bytes.length - at, from + at)
    if (read === 0) throw new Error('the audit file became shorter while it was read')
    at += read
  }
  return bytes
}

function setAside(fd: number, from: number, to: number, path: string): NonNullable<AuditTail['torn']> {
  const torn = bytesOf(fd, from, to)
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW
  const aside = openSync(`${path}.torn`, flags, 0o600)
  try {
    writeSync(aside, torn)
    // On disk before it is removed from its file: a second crash must not lose it.
    fsyncSync(aside)
  } finally {
    closeSync(aside)
  }
  ftruncateSync(fd, from)
  return { bytes: torn.length, sha256: createHash('sha256').update(torn).digest('hex') }
}
