import { changedMeanwhile } from '../contract/engine.ts'
import type { EngineHost } from '../contract/engine.ts'
import { asFault, Fault, refuse } from '../contract/fault.ts'
import type { Transaction, View } from '../contract/view.ts'
import { perObject } from '../util/caches/per-object.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import { giveAlias, noSuchUuid, takeAlias } from './aliases.ts'
import { lastUse } from './metadata.ts'
import { MountSettings } from './mount-settings.ts'
import { LiveKey, uncounted } from './live-key.ts'
import type { KeyHost } from './live-key.ts'
import { completeIndex, isComplete, nameOf, uuidOfAlias } from './key-index.ts'
import { deleteKey, dueAt, dueShape, keyAt, putKey } from './stored-keys.ts'
import { mostMessages, mostUsed, staleness, usageAt, usageShape } from './usage-counter.ts'
import type { KeyUsage } from './usage-counter.ts'
import { newKey, newVersion, rotated, storedKey, upgraded } from './record.ts'
import type { KeyRecord, KeySpec, Random } from './record.ts'
import { mustBeAlias, mustBeKind, mustBePeriod, mustLeaveRoom } from './rules.ts'
import { isPurged } from './state.ts'
import { Usage } from './usage.ts'

/** The state of a mount that has keys: engines of other mounts may use them. */
interface HoldsKeys {
  readonly keys: KeyStore
}

/** The keys in the state of some mount; undefined when it has none. */
export function keysIn(state: unknown): KeyStore | undefined {
  const { keys } = (state ?? {}) as Partial<HoldsKeys>
  return keys instanceof KeyStore ? keys : undefined
}

/**
 * The keys of one mount: `key/<name>` is a KeyRecord, `used/<uuid>` its usage, `rotation/<name>` and `purge/<name>` are a
 * Due for automatic rotation and destruction; `uuid/<uuid>` and `alias/<alias>` are an index of the keys (key-index.ts).
 */
export class KeyStore {
  readonly clock: Clock
  readonly random: Random
  readonly usage: Usage
  readonly settings: MountSettings
  readonly #view: View
  readonly #log: Log
  readonly #host: KeyHost
  readonly #live = perObject((record: KeyRecord) => new LiveKey(upgraded(record), this.#host))
  readonly #changes = new Mutex()
  readonly #successors = new Map<string, Promise<unknown>>()
  #indexing: Promise<void> | undefined

  constructor(host: Pick<EngineHost, 'view' | 'clock' | 'log'>, random: Random, limit = mostMessages) {
    this.#view = host.view
    this.clock = host.clock
    this.#log = host.log
    this.random = random
    this.settings = new MountSettings(host.view, random)
    this.usage = new Usage({ view: host.view, clock: host.clock, limit })
    this.#host = {
      random,
      counterOf: (key, number) => this.usage.counterOf(key, number),
      successor: (key) => this.#successor(key),
    }
  }

  /**
   * A key ready for use. The view's cache returns the same record object until the record changes: it is the cache key.
   * @throws Fault unsupported_path for an invalid name of a key.
   */
  async find(name: string): Promise<LiveKey | undefined> {
    const record = await this.#view.get(keyAt(name), storedKey)
    if (record && record.name !== name)
      throw new Fault(
        'internal',
        'a stored key cannot be used: it has the name of another one. Restore it from a backup.',
      )
    return record && this.live(record)
  }

  /** The key with this uuid. */
  async byUuid(uuid: string): Promise<LiveKey | undefined> {
    const name = await nameOf(this.#view, uuid)
    if (name === undefined && !(await isComplete(this.#view))) {
      await this.#completeIndex()
      return this.byUuid(uuid)
    }
    const key = name === undefined ? undefined : await this.find(name)
    return key?.record.uuid === uuid ? key : undefined
  }

  /** The key with this alias. */
  async byAlias(alias: string): Promise<LiveKey | undefined> {
    const uuid = await uuidOfAlias(this.#view, alias)
    const key = uuid === undefined ? undefined : await this.byUuid(uuid)
    return key?.record.aliases.includes(alias) ? key : undefined
  }

  /**
   * Adds an alias to a key. With `move` it is removed from another key that has it, in the same commit.
   * @throws Fault invalid_request if there is no such key, for an invalid alias, and for the alias of another key without `move`
   */
  async setAlias(alias: string, uuid: string, move = false): Promise<KeyRecord> {
    mustBeAlias(alias)
    return this.#changeAlias(uuid, async (tx) => giveAlias(tx, alias, uuid, move))
  }

  /** Removes an alias from a key, if the key has it. @throws Fault invalid_request if there is no such key */
  async removeAlias(alias: string, uuid: string): Promise<KeyRecord> {
    return this.#changeAlias(uuid, async (tx) => takeAlias(tx, alias, uuid))
  }

  async #changeAlias(uuid: string, change: (tx: Transaction) => Promise<KeyRecord>): Promise<KeyRecord> {
    // Writes the index entry of a key of an older release.
    if (!(await this.byUuid(uuid))) throw refuse(noSuchUuid)
    return this.#changes.run(() => this.#view.transaction(change))
  }

  /** One run at a time: the first caller with an incomplete index starts it, the others wait. */
  #completeIndex(): Promise<void> {
    this.#indexing ??= completeIndex(this.#view).finally(() => (this.#indexing = undefined))
    return this.#indexing
  }

  /** `find`, for operations that need the key. @throws Fault invalid_request without it */
  async need(name: string): Promise<LiveKey> {
    const key = await this.find(name)
    if (!key) throw refuse('encryption key not found')
    return key
  }

  /** The parsed form of a record. */
  live(record: KeyRecord): LiveKey {
    return this.#live(record)
  }

  /** The key with a version after this one: the first caller with an exhausted version rotates the key, the others wait. */
  async #successor(key: KeyRecord): Promise<LiveKey> {
    const exhausted = `${key.uuid} ${key.latest}`
    const rotation = this.#successors.get(exhausted) ?? this.rotate(key.name, ({ latest }) => latest === key.latest)
    this.#successors.set(exhausted, rotation)
    await rotation.finally(() => this.#successors.delete(exhausted))
    return this.need(key.name)
  }

  /** A key that is not stored, to see whether a request would work with it. */
  unstored(draft: KeyRecord): LiveKey {
    return new LiveKey(draft, uncounted(this.random))
  }

  /** A new key that is not stored yet. @throws Fault invalid_request for an invalid key, before any material is generated. */
  async draft(spec: KeySpec): Promise<KeyRecord> {
    mustBeKind(spec)
    mustBePeriod(spec.autoRotatePeriod)
    return newKey(spec, await newVersion(spec, this.random, this.clock.now()))
  }

  /** Stores a draft unless the name is taken. Returns the stored key, and whether it is the draft. */
  async add(draft: KeyRecord): Promise<{ readonly record: KeyRecord; readonly added: boolean }> {
    return this.#view.transaction(async (tx) => {
      const taken = await tx.get(keyAt(draft.name), storedKey)
      if (taken) return { record: upgraded(taken), added: false }
      await putKey(tx, undefined, draft)
      return { record: draft, added: true }
    })
  }

  /**
   * Changes a key: `change` returns the new record, or undefined to remove it. `missing` is the error if there is no such key.
   */
  async change(
    name: string,
    missing: string,
    change: (key: KeyRecord) => KeyRecord | undefined,
  ): Promise<KeyRecord | undefined> {
    const at = keyAt(name)
    const work = async (tx: Transaction): Promise<KeyRecord | undefined> => {
      const stored = await tx.get(at, storedKey)
      if (!stored) throw refuse(missing)
      const key = upgraded(stored)
      const changed = change(key)
      if (changed === undefined) await deleteKey(tx, key)
      else if (changed !== stored) {
        mustLeaveRoom(key, changed)
        await putKey(tx, key, changed)
      }
      return changed
    }
    // The transaction alone makes it correct; one at a time only saves the retries of a hundred concurrent rotations.
    return this.#changes.run(() => this.#view.transaction(work))
  }

  /**
   * Adds a version, generated before the transaction: an RSA key takes seconds. `due` is called with the current key.
   * @throws Fault invalid_request for a key that cannot be rotated.
   */
  async rotate(name: string, due: (key: KeyRecord) => boolean = () => true): Promise<KeyRecord> {
    const key = await this.find(name)
    if (!key) throw refuse('key not found')
    mustRotate(key.record)
    const version = await newVersion(key.record, this.random, this.clock.now())
    const changed = await this.change(name, 'key not found', (current) => {
      mustRotate(current)
      if (current.uuid !== key.record.uuid) throw refuse('the key was replaced meanwhile: nothing was rotated')
      return due(current) ? rotated(current, version) : current
    })
    return changed as KeyRecord
  }

  /** Stores a whole record under its name. @throws Fault invalid_request if the name is taken, unless `force`. */
  async replace(record: KeyRecord, force: boolean): Promise<void> {
    const at = keyAt(record.name)
    await this.#view.transaction(async (tx) => {
      const taken = await tx.get(at, storedKey)
      if (taken && !force) throw refuse(`key ${record.name} already exists: use force to replace it`)
      if (taken) await deleteKey(tx, taken)
      await putKey(tx, undefined, record)
    })
  }

  /**
   * Stores a key of a snapshot. Messages that its versions encrypted, then or since, stay counted.
   * @param exists whether a key of its name is replaced. @throws Fault unavailable when that is not so any more
   */
  async recover(record: KeyRecord, used: KeyUsage['versions'], exists: boolean): Promise<void> {
    await this.#view.transaction(async (tx) => {
      const taken = await tx.get(keyAt(record.name), storedKey)
      if ((taken !== undefined) !== exists) throw changedMeanwhile()
      const since = taken && (await tx.get(usageAt(taken.uuid), usageShape))
      if (taken) await deleteKey(tx, taken)
      await putKey(tx, undefined, record)
      tx.put(usageAt(record.uuid), { format: 1, versions: mostUsed(used, since?.versions ?? {}) } satisfies KeyUsage)
    })
  }

  /** Rotates the keys whose period has passed since the creation of their latest version, also after a downtime. */
  async rotateDue(): Promise<void> {
    const now = this.clock.now()
    const failure = 'a key could not be rotated automatically; it will be tried again'
    // Another server may have been faster: the transaction looks again.
    await this.#eachDue('rotation/', failure, async (name) =>
      this.rotate(name, (key) => (dueAt(key) ?? Infinity) <= now),
    )
  }

  /** Destroys the soft-deleted keys whose time has passed, also after a downtime. */
  async purgeDue(): Promise<void> {
    const now = this.clock.now()
    const failure = 'a key could not be destroyed at its time; it will be tried again'
    await this.#eachDue('purge/', failure, async (name) =>
      this.change(name, 'key not found', (key) => (isPurged(key, now) ? undefined : key)),
    )
  }

  async #eachDue(folder: string, failure: string, work: (name: string) => Promise<unknown>): Promise<void> {
    const now = this.clock.now()
    for (const name of await this.#view.list(folder)) {
      const due = await this.#view.get(folder + name, dueShape)
      if (!due || due.at > now) continue
      try {
        await work(name)
      } catch (thrown) {
        this.#log.warn(failure, { error: asFault(thrown).code })
      }
    }
  }

  /** The periodic work of a mount, every minute. */
  async tidy(): Promise<void> {
    await this.rotateDue()
    await this.purgeDue()
    await this.usage.keep()
    if (!(await isComplete(this.#view))) await this.#completeIndex()
  }

  /** Names in byte order. */
  async names(page: { readonly after?: string; readonly limit?: number }): Promise<string[]> {
    return this.#view.list('key/', page)
  }

  /**
   * Permanently removes a key.
   * @throws Fault invalid_request when it may not be removed, or was used lately and that is guarded, unless `force`.
   */
  async destroy(name: string, force: boolean): Promise<void> {
    const key = await this.find(name)
    const guard = await this.settings.deletionGuard()
    const usedAt = key && guard > 0 && !force ? lastUse(await this.usage.of(key.record)) : 0
    // The stored time of the last use may be that old.
    const since = this.clock.now() - guard * 1000 - staleness
    await this.change(name, 'could not delete key; not found', (current) => {
      if (!current.deletable) throw refuse(`error deleting policy ${name}: deletion is not allowed for this key`)
      if (usedAt > since && current.uuid === key?.record.uuid) {
        throw refuse(`the key was used lately, at ${rfc3339(usedAt)}: soft-delete it instead, or remove it with force`)
      }
      return undefined
    })
  }
}

function mustRotate({ state, origin, importRotates }: KeyRecord): void {
  if (state.is === 'soft-deleted') throw refuse('refusing to rotate a soft-deleted key: restore it first')
  if (origin === 'imported' && !importRotates) {
    throw refuse('this key was imported without allow_rotation: import another version of it instead')
  }
}
