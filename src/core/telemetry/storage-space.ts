import { access, constants, statfs } from 'node:fs/promises'

/** The disk of the storage, as far as it can be asked. */
interface StorageSpace {
  readonly free?: number
  readonly total?: number
  /** 0: nothing can be written, because there is too little space, or the file system or its rights do not allow it. */
  readonly writable: number
}

/** Asks the file system; undefined before there is a folder. @param minFree bytes below which nothing is written */
export async function storageSpace(path: string, minFree: number): Promise<StorageSpace | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(path)
    const mayWrite = await access(path, constants.W_OK).then(
      () => true,
      () => false,
    )
    const free = bavail * bsize
    return { free, total: blocks * bsize, writable: mayWrite && free >= minFree ? 1 : 0 }
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { writable: 0 }
  }
}
