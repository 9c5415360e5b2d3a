import { refuse } from '../contract/fault.ts'
import type { BeforeChange } from '../contract/route.ts'
import type { Transaction, View } from '../contract/view.ts'
import type { Clock } from '../util/clock.ts'
import type { KeyRecord, KeyVersion } from './record.ts'
import { hasMembers, isCount, isMapOf, isOneOf, isTime, shapeOf } from '../util/stored/shape.ts'
import { storedKey, upgraded } from './record.ts'

/**
 * So many messages are encrypted under one key with random 96-bit nonces: nine tenths of 2^32, the most that NIST
 * SP 800-38D §8.3 allows.
 */
export const mostMessages = 3_865_470_566

/** The use of one version, as it is stored. */
interface VersionUse {
  /** An upper bound of the encrypted messages. */
  readonly reserved: number
  /** Epoch milliseconds. */
  readonly lastUsedAt: number
}

/** `used/<uuid of the key>`: the use of its versions, by their ids. */
export interface KeyUsage {
  readonly format: 1
  readonly versions: Readonly<Record<string, VersionUse>>
}

/** The shape of that record. */
export const usageShape = shapeOf<KeyUsage>('the use of a key', {
  format: isOneOf(1),
  versions: isMapOf((use) => hasMembers<VersionUse>(use, { reserved: isCount, lastUsedAt: isTime })),
})

/** Counts the uses of one version. */
export interface UsageCounter {
  /**
   * Counts one more message; false if the limit is reached. Waits only if a new block has to be reserved: first for
   * `beforeChange`.
   */
  take(beforeChange: BeforeChange): boolean | Promise<boolean>
  /** Records a use other than an encryption with a limit. */
  touch(): void
}

/** Reserves blocks; the clock. */
export interface UsageCounterHost {
  readonly view: View
  readonly clock: Clock
  readonly limit: number
}

/** The first block is small, so that the count of a rarely used key is accurate; each block is twice the previous one. */
const firstBlock = 1024
const largestBlock = 1024 * 1024
/** A later use is stored when the one that is stored is older than this, milliseconds. */
const coarse = 3_600_000
/** How far the stored time of last use may be behind if the server was killed: an hour, and a minute until the next check. */
export const staleness = coarse + 60_000

export function usageAt(uuid: string): string {
  return `used/${uuid}`
}

/** The larger of two counts of each version, and the later use. */
export function mostUsed(one: KeyUsage['versions'], other: KeyUsage['versions']): KeyUsage['versions'] {
  const all: Record<string, VersionUse> = { ...one }
  for (const [id, use] of Object.entries(other)) {
    const { reserved, lastUsedAt } = all[id] ?? use
    all[id] = { reserved: Math.max(reserved, use.reserved), lastUsedAt: Math.max(lastUsedAt, use.lastUsedAt) }
  }
  return all
}

/**
 * The use of one version. Messages are counted ahead in blocks, each stored before the first of them is encrypted: after
 * a crash the count may be too high by a block, never too low. Each server reserves its own blocks.
 */
export class VersionCounter implements UsageCounter {
  readonly #host: UsageCounterHost
  readonly #key: Pick<KeyRecord, 'name' | 'uuid'>
  readonly #id: string
  #block = firstBlock
  #left = 0
  #exhausted = false
  #lastUsedAt = 0
  #storedAt = 0
  #refill: Promise<void> | undefined
  /** A block is being reserved before this one is used up. */
  #isAhead = false

  constructor(host: UsageCounterHost, key: Pick<KeyRecord, 'name' | 'uuid'>, version: Pick<KeyVersion, 'id'>) {
    this.#host = host
    this.#key = { name: key.name, uuid: key.uuid }
    this.#id = version.id
  }

  get lastUsedAt(): number {
    return this.#lastUsedAt
  }

  touch(): void {
    this.#lastUsedAt = this.#host.clock.now()
  }

  take(beforeChange: BeforeChange): boolean | Promise<boolean> {
    this.touch()
    if (this.#left === 0) return this.#takeOfNext(beforeChange)
    this.#left--
    if (this.#left < this.#block / 4 && !this.#exhausted && !this.#isAhead) this.#refillAhead(beforeChange)
    return true
  }

  /** If a block cannot be reserved ahead, it is requested again when the current one is used up. */
  #refillAhead(beforeChange: BeforeChange): void {
    this.#isAhead = true
    const refilled = beforeChange().then(() => this.#refilled())
    refilled.catch(() => {}).finally(() => (this.#isAhead = false))
  }

  async #takeOfNext(beforeChange: BeforeChange): Promise<boolean> {
    while (this.#left === 0) {
      await beforeChange()
      if (this.#left === 0) await this.#refilled()
      if (this.#left === 0 && this.#exhausted) return false
    }
    this.#left--
    return true
  }

  async #refilled(): Promise<void> {
    this.#refill ??= this.#reserve().finally(() => (this.#refill = undefined))
    return this.#refill
  }

  async #reserve(): Promise<void> {
    const got = await this.#host.view.transaction(async (tx) => {
      const { uses, use } = await this.#stored(tx)
      const block = Math.max(0, Math.min(this.#block, this.#host.limit - use.reserved))
      if (block > 0) this.#put(tx, uses, { ...use, reserved: use.reserved + block })
      return block
    })
    this.#left += got
    this.#exhausted = got === 0
    this.#block = Math.min(largestBlock, this.#block * 2)
  }

  /** Stores the last use, unless the stored time is recent enough or there was no use. */
  async keep(): Promise<void> {
    const at = this.#lastUsedAt
    if (at === 0 || at < this.#storedAt + coarse) return
    await this.#host.view.transaction(async (tx) => {
      const { uses, use } = await this.#stored(tx)
      if (use.lastUsedAt < at) this.#put(tx, uses, use)
    })
    this.#storedAt = at
  }

  /** @throws Fault invalid_request if the key has been removed: none of its records may remain. */
  async #stored(tx: Transaction): Promise<{ readonly uses: KeyUsage['versions']; readonly use: VersionUse }> {
    const stored = await tx.get(`key/${this.#key.name}`, storedKey)
    const key = stored && upgraded(stored)
    if (key?.uuid !== this.#key.uuid) throw refuse('encryption key not found')
    const { versions = {} } = (await tx.get(usageAt(key.uuid), usageShape)) ?? {}
    const ids = new Set(Object.values(key.versions).map(({ id }) => id))
    const uses = Object.fromEntries(Object.entries(versions).filter(([id]) => ids.has(id)))
    return { uses, use: uses[this.#id] ?? { reserved: 0, lastUsedAt: 0 } }
  }

  #put(tx: Transaction, uses: KeyUsage['versions'], use: VersionUse): void {
    const merged = { ...use, lastUsedAt: Math.max(use.lastUsedAt, this.#lastUsedAt) }
    tx.put(usageAt(this.#key.uuid), { format: 1, versions: { ...uses, [this.#id]: merged } } satisfies KeyUsage)
  }
}
