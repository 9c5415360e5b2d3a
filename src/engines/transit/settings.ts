import type { View } from '../../contract/view.ts'

/** Which requests may make keys. */
interface KeysConfig {
  readonly disableUpsert: boolean
}

/** Which keys may be removed: those that were not used for so many seconds; 0 for all. */
interface Deletion {
  readonly guard: number
}

/** The settings of a mount, each a record below `config/`. */
export class Settings {
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  async keys(): Promise<KeysConfig> {
    return (await this.#view.get<KeysConfig>('config/keys')) ?? { disableUpsert: false }
  }

  async setKeys(config: KeysConfig): Promise<void> {
    await this.#view.put('config/keys', config)
  }

  async deletion(): Promise<Deletion> {
    return (await this.#view.get<Deletion>('config/deletion')) ?? { guard: 0 }
  }

  async setDeletion(deletion: Deletion): Promise<void> {
    await this.#view.put('config/deletion', deletion)
  }

  /** How many keys a client wants cached; 0 is no limit. */
  async cacheSize(): Promise<number> {
    return (await this.#view.get<{ readonly size: number }>('config/cache'))?.size ?? 0
  }

  async setCacheSize(size: number): Promise<void> {
    await this.#view.put('config/cache', { size })
  }
}
