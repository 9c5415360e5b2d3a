import type { EngineHost } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Transaction, View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import { Turnstile } from '../../util/once.ts'
import { LiveKey } from './live-key.ts'
import { newKey } from './record.ts'
import type { KeyRecord, KeyWish, Random } from './record.ts'

/** Settings of a mount. */
interface KeysConfig {
  readonly disableUpsert: boolean
}

const configRecord = 'config/keys'

/** The keys of one mount: `key/<name>` holds a KeyRecord each. */
export class Transit {
  readonly clock: Clock
  readonly random: Random
  readonly #view: View
  readonly #live = new WeakMap<KeyRecord, LiveKey>()
  readonly #changes = new Turnstile()

  constructor(host: Pick<EngineHost, 'view' | 'clock'>, random: Random) {
    this.#view = host.view
    this.clock = host.clock
    this.random = random
  }

  /**
   * A key ready for use. The view's cache gives the same record object until the record changes: it is the cache key.
   * @throws Fault unsupported_path for what cannot be a key's name.
   */
  async find(name: string): Promise<LiveKey | undefined> {
    const record = await this.#view.get<KeyRecord>(place(name))
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
      key = new LiveKey(record, this.random)
      this.#live.set(record, key)
    }
    return key
  }

  /** A new key that is not stored yet. */
  draft(wish: KeyWish): KeyRecord {
    return newKey(wish, this.random, this.clock.now())
  }

  /** Stores a draft unless the name is taken. Gives what is stored then, and whether it is the draft. */
  async add(draft: KeyRecord): Promise<{ readonly record: KeyRecord; readonly added: boolean }> {
    return this.#view.transaction(async (tx) => {
      const taken = await tx.get<KeyRecord>(place(draft.name))
      if (taken) return { record: taken, added: false }
      tx.put(place(draft.name), draft)
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
      const key = await tx.get<KeyRecord>(at)
      if (!key) throw refuse(missing)
      const changed = change(key)
      if (changed === undefined) tx.del(at)
      else if (changed !== key) tx.put(at, changed)
      return changed
    }
    // The transaction alone keeps it right; one at a time only saves the retries of a hundred rotations at once.
    return this.#changes.run(() => this.#view.transaction(work))
  }

  /** Names in byte order. */
  async names(page: { readonly after?: string; readonly limit?: number }): Promise<string[]> {
    return this.#view.list('key/', page)
  }

  async config(): Promise<KeysConfig> {
    return (await this.#view.get<KeysConfig>(configRecord)) ?? { disableUpsert: false }
  }

  async configure(config: KeysConfig): Promise<void> {
    await this.#view.put(configRecord, config)
  }
}

/** Vault's names of keys: letters, digits and `_`, inside also `-` and `.`. */
const keyName = /^\w(?:[\w.-]*\w)?$/

/** Whether a text can be the name of a key. */
export function isKeyName(name: string): boolean {
  return keyName.test(name)
}

function place(name: string): string {
  if (!isKeyName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `key/${name}`
}
