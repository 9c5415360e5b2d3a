import { statfs } from 'node:fs/promises'
import { nearestFolder } from './files.ts'

/** Writes are refused while the disk has less free space than this, bytes, unless configured. */
export const defaultMinFree = 64 * 1024 * 1024

/** Why they are refused. */
export const almostFull = 'the disk of the storage is almost full; nothing was changed'

/** Whether the disk of a folder, which need not exist yet, has this much free space, bytes. */
export async function hasSpace(path: string, least: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(await nearestFolder(path))
  return bavail * bsize >= least
}
