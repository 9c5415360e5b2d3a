import { Level } from 'level'

/** Everything that lies in a LevelDB storage, by key: as it lies there, revisions included. */
export type Raw = ReadonlyMap<string, Uint8Array>

const encodings = { keyEncoding: 'utf8', valueEncoding: 'view' } as const

async function opened<T>(path: string, task: (db: Level<string, Uint8Array>) => Promise<T>): Promise<T> {
  const db = new Level<string, Uint8Array>(path, encodings)
  await db.open()
  try {
    return await task(db)
  } finally {
    await db.close()
  }
}

/** Reads the records of a server that is stopped. */
export async function rawRecords(path: string): Promise<Raw> {
  return opened(path, async (db) => new Map(await db.iterator().all()))
}

/** Removes records, or puts others in their place, past the server. */
export async function changeRaw(path: string, changes: ReadonlyMap<string, Uint8Array | undefined>): Promise<void> {
  await opened(path, async (db) =>
    db.batch(
      [...changes].map(([key, value]) =>
        value ? { type: 'put' as const, key, value } : { type: 'del' as const, key },
      ),
    ),
  )
}
