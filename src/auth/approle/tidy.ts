import { routesOf } from '../../contract/route.ts'
import type { AppRole } from './mount.ts'
import { accessorShape, isExpired, removeSecretId, secretIdKey, secretIdShape } from './secret-id.ts'

const { write } = routesOf<AppRole>()

/** Secret ids that one commit removes: each is three records with their digests, and commits are bounded (`storageLimits`). */
const piece = 20

/** Where a role is noted that was removed, until its secret ids are removed as well. */
export const removedKey = (uid: string): string => `purge/${uid}`

/** `tidy/secret-id`. */
export const tidyRoute = write('tidy/secret-id', {
  about: 'Remove expired secret ids now. The server does so every minute.',
  handle: async ({ engine }) => {
    await tidy(engine)
    return { status: 202, data: null, warnings: ['Expired secret ids were removed. Every minute the server does the same.'] } // prettier-ignore
  },
})

/**
 * Removes expired secret ids, and those of removed roles. Each step is its own commit: it can be interrupted at any point and
 * repeated.
 */
export async function tidy(engine: AppRole): Promise<void> {
  const now = engine.clock.now()
  const thisMinute = Math.floor(now / 60_000)
  for (const folder of await engine.view.list('expiry/')) {
    if (Number.parseInt(folder, 10) > thisMinute) continue
    for (const hash of await engine.view.list(`expiry/${folder}`)) await removeExpired(engine, `expiry/${folder}${hash}`, hash, now) // prettier-ignore
  }
  for (const uid of await engine.view.list('purge/')) await removeAllOf(engine, uid)
}

async function removeExpired({ view }: AppRole, noteKey: string, hash: string, now: number): Promise<void> {
  await view.transaction(async (tx) => {
    const secret = await tx.get(secretIdKey(hash), secretIdShape)
    if (!secret) tx.del(noteKey)
    else if (isExpired(secret, now)) removeSecretId(tx, hash, secret)
  })
}

async function removeAllOf({ view }: AppRole, uid: string): Promise<void> {
  for (;;) {
    const accessors = await view.list(`accessor/${uid}/`, { limit: piece })
    if (accessors.length === 0) break
    await view.transaction(async (tx) => {
      for (const accessor of accessors) {
        const key = `accessor/${uid}/${accessor}`
        const hash = (await tx.get(key, accessorShape))?.hash
        const secret = hash === undefined ? undefined : await tx.get(secretIdKey(hash), secretIdShape)
        if (hash !== undefined && secret) removeSecretId(tx, hash, secret)
        else tx.del(key)
      }
    })
  }
  await view.del(removedKey(uid))
}
