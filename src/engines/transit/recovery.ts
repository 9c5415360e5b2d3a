import { randomUUID } from 'node:crypto'
import type { AskedOfMount, Recovery } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import { storedKey, upgraded } from '../../keys/record.ts'
import type { KeyRecord, KeyVersion } from '../../keys/record.ts'
import { isKeyName } from '../../keys/rules.ts'
import { keyAt } from '../../keys/stored-keys.ts'
import { usageAt, usageShape } from '../../keys/usage-counter.ts'
import type { KeyUsage } from '../../keys/usage-counter.ts'
import type { Transit } from './transit.ts'

/** Recovers a key with all its versions. It takes the rights to back it up where it was, and to restore it where it goes. */
export const keyRecovery: Recovery<Transit> = {
  nameOf: (path) => {
    const [, name = ''] = /^keys\/([^/]+)$/.exec(path) ?? []
    return isKeyName(name) ? name : undefined
  },
  example: 'keys/orders',
  exists: async ({ keys }, name) => (await keys.find(name)) !== undefined,
  find: async (from, name, version) => {
    if (version !== undefined) throw refuse('a key is recovered with all its versions: leave "version" out')
    const stored = await from.get(keyAt(name), storedKey)
    if (!stored) return undefined
    const key = upgraded(stored)
    if (key.name !== name) throw refuse('the key in the snapshot has the name of another one')
    const used = (await from.get(usageAt(key.uuid), usageShape))?.versions ?? {}
    return {
      reads: readsOf(key),
      writes: ({ name: to, exists }) => [
        { operation: 'update', path: `restore/${to}`, ...(exists && { data: { force: true } }) },
      ],
      write: async ({ keys }, { name: to, exists, isCopy }) => {
        const restored = { at: keys.clock.now(), version: key.latest }
        const same: Recovered = { key: { ...key, restored, state: stateOf(key) }, used }
        const { key: record, used: counts } = isCopy ? copyOf(same, to) : same
        await keys.recover(record, counts, exists)
      },
    }
  },
}

/**
 * A copy has the material of the key under other rules: where the key itself may not leave the server, whoever makes one must
 * be allowed to change that.
 */
function readsOf({ name, exportable, plaintextBackup }: KeyRecord): AskedOfMount[] {
  const backup: AskedOfMount = { operation: 'read', path: `backup/${name}` }
  if (exportable && plaintextBackup) return [backup]
  const data = { exportable: true, allow_plaintext_backup: true }
  return [backup, { operation: 'update', path: `keys/${name}/config`, data }]
}

interface Recovered {
  readonly key: KeyRecord
  readonly used: KeyUsage['versions']
}

/** A time that has passed since would destroy the key at once. */
function stateOf({ state }: KeyRecord): KeyRecord['state'] {
  return state.is === 'soft-deleted' ? { ...state, purgeAt: null } : state
}

/** Another key of the same material: what identifies a key stays with the first one. */
function copyOf({ key, used }: Recovered, name: string): Recovered {
  const versions: Record<string, KeyVersion> = {}
  const counts: Record<string, KeyUsage['versions'][string]> = {}
  for (const [number, version] of Object.entries(key.versions)) {
    const id = randomUUID()
    versions[number] = { ...version, id }
    const use = used[version.id]
    if (use) counts[id] = use
  }
  return { key: { ...key, name, uuid: randomUUID(), aliases: [], versions }, used: counts }
}
