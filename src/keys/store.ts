import type { KeyObject } from 'node:crypto'
import type { EngineHost } from '../contract/engine.ts'
import { asFault, Fault, refuse } from '../contract/fault.ts'
import type { Transaction, View } from '../contract/view.ts'
import { fromPrivateDer, pairs } from '../crypto/keys/pairs.ts'
import { base64 } from '../util/bytes.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import { lastUse } from './metadata.ts'
import { LiveKey, unmetered } from './live-key.ts'
import type { KeyHost } from './live-key.ts'
import { mostMessages, staleness, usageAt } from './usage-counter.ts'
import { newKey, newVersion, rotated, storedKey, upgraded } from './record.ts'
import type { KeyRecord, KeySpec, Random } from './record.ts'
import { isKeyName, mustBeKey, mustBeKind, mustBePeriod, mustLeaveRoom } from './rules.ts'
import { bytesOf } from './operations/ciphers.ts'
import { isPurged, purgeAt } from './state.ts'
import { Usage } from './usage.ts'
import { isBase64, isCount, isTime, shapeOf } from '../util/stored/shape.ts'

const wrappingRecord = 'config/wrapping'
const deletionRecord = 'config/deletion'

interface Wrapping {
  /** PKCS#8, base64. */
  readonly material: string
}

/** Which keys may be removed: those that were not used for so many seconds; 0 for all. */
interface Deletion {
  readonly guard: number
}

/** When something is to happen to a key by itself, epoch milliseconds. */
interface Due {
  readonly at: number
}

const dueShape = shapeOf<Due>('the time at which something happens to a key', { at: isTime })
const deletionShape = shapeOf<Deletion>('a setting of a mount', { guard: isCount })
const wrappingShape = shapeOf<Wrapping>('a wrapping key', { material: isBase64 })

/**
 * The keys of one mount: `key/<name>` holds a KeyRecord each, `used/<uuid>` what it was used for, `rotation/<name>` and
 * `purge/<name>` a Due for those that rotate by themselves or are to be destroyed.
 */
export class KeyStore {
  readonly clock: Clock
  readonly random: Random
  readonly usage: Usage
  readonly #view: View
  readonly #log: Log
  readonly #host: KeyHost
  readonly #live = new WeakMap<KeyRecord, LiveKey>()
  readonly #changes = new Mutex()
  readonly #successors = new Map<string, Promise<unknown>>()

  constructor(host: Pick<EngineHost, 'view' | 'clock' | 'log'>, random: Random, limit = mostMessages) {
    this.#view = host.view
    this.clock = host.clock
    this.#log = host.log
    this.random = random
    this.usage = new Usage({ view: host.view, clock: host.clock, limit })
    this.#host = {
      random,
      meter: (key, number) => this.usage.meter(key, number),
      successor: (key) => this.#successor(key),
    }
  }

  /**
   * A key ready for use. The view's cache gives the same record object until the record changes: it is the cache key.
   * @throws Fault unsupported_path for what cannot be a key's name.
   */
  async find(name: string): Promise<LiveKey | undefined> {
    const record = await this.#view.get(place(name), storedKey)
    if (record && record.name !== name)
      throw new Fault(
        'internal',
        'a stored key cannot be used: it has the name of another one. Restore it from a backup.',
      )
    return record && this.live(record)
  }

  /** `find`, for operations that cannot do without. */
  async need(name: string): Promise<LiveKey> {
    const key = await this.find(name)
    if (!key) throw refuse('encryption key not found')
    return key
  }

  /** The parsed form of a record. */
  live(record: KeyRecord): LiveKey {
    let key = this.#live.get(record)
    if (!key) {
      key = new LiveKey(upgraded(record), this.#host)
      this.#live.set(record, key)
    }
    return key
  }

  /** The key with a version after this one: whoever finds it exhausted first rotates it, the others wait for that. */
  async #successor(key: KeyRecord): Promise<LiveKey> {
    const exhausted = `${key.uuid} ${key.latest}`
    const rotation = this.#successors.get(exhausted) ?? this.rotate(key.name, ({ latest }) => latest === key.latest)
    this.#successors.set(exhausted, rotation)
    await rotation.finally(() => this.#successors.delete(exhausted))
    return this.need(key.name)
  }

  /** A key that is not stored, to see whether a request would work with it. */
  trial(draft: KeyRecord): LiveKey {
    return new LiveKey(draft, unmetered(this.random))
  }

  /** A new key that is not stored yet. @throws Fault invalid_request for a key that cannot be, before anything is made. */
  async draft(wish: KeySpec): Promise<KeyRecord> {
    mustBeKind(wish)
    mustBePeriod(wish.autoRotatePeriod)
    return newKey(wish, await newVersion(wish, this.random, this.clock.now()), this.random)
  }

  /** Stores a draft unless the name is taken. Gives what is stored then, and whether it is the draft. */
  async add(draft: KeyRecord): Promise<{ readonly record: KeyRecord; readonly added: boolean }> {
    return this.#view.transaction(async (tx) => {
      const taken = await tx.get(place(draft.name), storedKey)
      if (taken) return { record: upgraded(taken), added: false }
      keep(tx, draft)
      return { record: draft, added: true }
    })
  }

  /** Changes a key: `change` gives the new record, or undefined to remove it. `missing` is what to say without one. */
  async change(
    name: string,
    missing: string,
    change: (key: KeyRecord) => KeyRecord | undefined,
  ): Promise<KeyRecord | undefined> {
    const at = place(name)
    const work = async (tx: Transaction): Promise<KeyRecord | undefined> => {
      const stored = await tx.get(at, storedKey)
      if (!stored) throw refuse(missing)
      const key = upgraded(stored)
      const changed = change(key)
      if (changed === undefined) drop(tx, key)
      else if (changed !== stored) {
        mustLeaveRoom(key, changed)
        keep(tx, changed)
      }
      return changed
    }
    // The transaction alone keeps it right; one at a time only saves the retries of a hundred rotations at once.
    return this.#changes.run(() => this.#view.transaction(work))
  }

  /**
   * Adds a version, made before the transaction: an RSA key takes seconds. `due` is asked about the key as it is then.
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

  /** Puts a whole record in a name's place. @throws Fault invalid_request when the name is taken, unless `force`. */
  async replace(record: KeyRecord, force: boolean): Promise<void> {
    const at = place(record.name)
    await this.#view.transaction(async (tx) => {
      const taken = await tx.get(at, storedKey)
      if (taken && !force) throw refuse(`key ${record.name} already exists: use force to replace it`)
      if (taken) drop(tx, taken)
      keep(tx, record)
    })
  }

  /** Rotates the keys whose period has passed since their latest version was made, even while the server was down. */
  async rotateDue(): Promise<void> {
    const now = this.clock.now()
    for (const name of await this.#view.list('rotation/')) {
      const due = await this.#view.get(`rotation/${name}`, dueShape)
      if (!due || due.at > now) continue
      try {
        // Another server may have been faster: the transaction looks again.
        await this.rotate(name, (key) => (dueAt(key) ?? Infinity) <= now)
      } catch (thrown) {
        this.#log.warn('a key could not be rotated by itself; it will be tried again', { error: asFault(thrown).code })
      }
    }
  }

  /** Destroys the soft-deleted keys whose time has passed, even while the server was down. */
  async purgeDue(): Promise<void> {
    const now = this.clock.now()
    for (const name of await this.#view.list('purge/')) {
      const due = await this.#view.get(`purge/${name}`, dueShape)
      if (!due || due.at > now) continue
      try {
        await this.change(name, 'key not found', (key) => (isPurged(key, now) ? undefined : key))
      } catch (thrown) {
        this.#log.warn('a key could not be destroyed at its time; it will be tried again', {
          error: asFault(thrown).code,
        })
      }
    }
  }

  /** What a mount does every minute. */
  async tend(): Promise<void> {
    await this.rotateDue()
    await this.purgeDue()
    await this.usage.keep()
  }

  /** Names in byte order. */
  async names(page: { readonly after?: string; readonly limit?: number }): Promise<string[]> {
    return this.#view.list('key/', page)
  }

  /** A key that was used within this time (seconds) is not removed; 0: no guard. */
  async deletionGuard(): Promise<number> {
    return (await this.#view.get(deletionRecord, deletionShape))?.guard ?? 0
  }

  async setDeletionGuard(seconds: number): Promise<void> {
    await this.#view.put(deletionRecord, { guard: seconds } satisfies Deletion)
  }

  /**
   * Removes a key for good.
   * @throws Fault invalid_request when it may not be removed, or was used lately and that is guarded, unless `force`.
   */
  async destroy(name: string, force: boolean): Promise<void> {
    const key = await this.find(name)
    const guard = await this.deletionGuard()
    const usedAt = key && guard > 0 && !force ? lastUse(await this.usage.of(key.record)) : 0
    // What is stored of the last use may be as old as that.
    const since = this.clock.now() - guard * 1000 - staleness
    await this.change(name, 'could not delete key; not found', (current) => {
      if (!current.deletable) throw refuse(`error deleting policy ${name}: deletion is not allowed for this key`)
      if (usedAt > since && current.uuid === key?.record.uuid) {
        throw refuse(`the key was used lately, at ${rfc3339(usedAt)}: soft-delete it instead, or remove it with force`)
      }
      return undefined
    })
  }

  /** The RSA-4096 pair that keys to import are wrapped with; made when it is first asked for. */
  async wrappingKey(): Promise<KeyObject> {
    const known = await this.#view.get(wrappingRecord, wrappingShape)
    if (known) return fromPrivateDer(bytesOf(known.material))
    const fresh = await pairs.rsa4096.generate(this.random)
    const kept = await this.#view.transaction(async (tx) => {
      const earlier = await tx.get(wrappingRecord, wrappingShape)
      if (!earlier) tx.put(wrappingRecord, { material: base64(fresh.secret) } satisfies Wrapping)
      return earlier
    })
    return fromPrivateDer(kept ? bytesOf(kept.material) : fresh.secret)
  }
}

/** When a key is to be rotated by itself; undefined for never. */
function dueAt({ autoRotatePeriod, state, origin, importRotates, versions, latest }: KeyRecord): number | undefined {
  if (autoRotatePeriod === 0 || state.is !== 'enabled' || (origin === 'imported' && !importRotates)) return undefined
  return (versions[latest]?.createdAt ?? 0) + autoRotatePeriod * 1000
}

/** The only way into the storage. @throws Fault invalid_request for what no key can be. */
function keep(tx: Transaction, key: KeyRecord): void {
  mustBeKey(key)
  tx.put(place(key.name), key)
  for (const [folder, at] of [
    ['rotation', dueAt(key)],
    ['purge', purgeAt(key)],
  ] as const) {
    if (at === undefined) tx.del(`${folder}/${key.name}`)
    else tx.put(`${folder}/${key.name}`, { at } satisfies Due)
  }
}

function drop(tx: Transaction, { name, uuid }: KeyRecord): void {
  for (const record of [place(name), `rotation/${name}`, `purge/${name}`, usageAt(uuid)]) tx.del(record)
}

function mustRotate({ state, origin, importRotates }: KeyRecord): void {
  if (state.is === 'soft-deleted') throw refuse('refusing to rotate a soft-deleted key: restore it first')
  if (origin === 'imported' && !importRotates) {
    throw refuse('this key was imported without allow_rotation: import another version of it instead')
  }
}

function place(name: string): string {
  if (!isKeyName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `key/${name}`
}
