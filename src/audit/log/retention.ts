import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import { posix } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { checkpointFileOf } from '../checkpoints/checkpoint-file.ts'
import { syncFolder } from '../devices/open-file.ts'
import type { AuditFile } from '../../contract/audit.ts'

/** A closed file of ours: `<live>.<log>.<first>-<last>`, compressed or not. */
const closedName = /^\.([0-9a-f]{8}|legacy)\.([0-9]{12,16})-([0-9]{12,16})(\.gz)?$/

interface ClosedFile {
  readonly path: string
  readonly closedAt: number
}

/**
 * Compresses closed files and removes those in excess of the retention, with their checkpoints. Returns the names of the removed
 * ones.
 */
export async function tidyClosed(file: AuditFile, now: number): Promise<readonly string[]> {
  const { compress, retainFiles = Infinity, retainAge = Infinity } = file.settings
  if (!compress && retainFiles === Infinity && retainAge === Infinity) return []
  const closed = await closedFiles(file.path)
  const old = closed.filter(({ closedAt }, at) => closed.length - at > retainFiles || now - closedAt >= retainAge)
  for (const { path } of old) {
    await rm(path, { force: true })
    await rm(checkpointFileOf(path), { force: true })
  }
  if (compress) for (const { path } of closed) if (!old.some((one) => one.path === path)) await pack(path)
  return old.map(({ path }) => posix.basename(path))
}

/** Oldest first. */
async function closedFiles(livePath: string): Promise<readonly ClosedFile[]> {
  const [folder, base] = [posix.dirname(livePath), posix.basename(livePath)]
  const found: ClosedFile[] = []
  for (const name of await readdir(folder)) {
    if (!name.startsWith(base) || !closedName.test(name.slice(base.length))) continue
    const path = posix.join(folder, name)
    const status = await stat(path).catch(() => undefined)
    if (status?.isFile()) found.push({ path, closedAt: status.mtimeMs })
  }
  return found.sort((a, b) => a.closedAt - b.closedAt || (a.path < b.path ? -1 : 1))
}

/** With gzip; the plain file is removed when the compressed one is on disk. */
async function pack(path: string): Promise<void> {
  if (path.endsWith('.gz')) return
  const { mode, mtime } = await stat(path)
  const half = `${path}.gz.tmp`
  await rm(half, { force: true })
  await pipeline(createReadStream(path), createGzip(), createWriteStream(half, { flags: 'wx', mode: mode & 0o777 }))
  const packed = await open(half, 'r+')
  try {
    await packed.utimes(mtime, mtime)
    await packed.sync()
  } finally {
    await packed.close()
  }
  await rename(half, `${path}.gz`)
  syncFolder(path)
  await rm(path)
}
