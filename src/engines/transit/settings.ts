import type { View } from '../../contract/view.ts'
import { isCount, isFlag, shapeOf } from '../../util/stored/shape.ts'

/** Which requests may make keys. */
interface KeysConfig {
  readonly disableUpsert: boolean
}

/** Which keys may be removed: those that were not used for so many seconds; 0 for all. */
interface Deletion {
  readonly guard: number
}

const keysShape = shapeOf<KeysConfig>('a setting of a mount', { disableUpsert: isFlag })
const deletionShape = shapeOf<Deletion>('a setting of a mount', { guard: isCount })
const cacheShape = shapeOf<{ readonly size: number }>('a setting of a mount', { size: isCount })

/** The settings of a mount, each a record below `config/`. */
export class Settings {
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  async keys(): Promise<KeysConfig> {
    return (await this.#view.get('config/keys', keysShape)) ?? { disableUpsert: false }
  }

  async setKeys(config: KeysConfig): Promise<void> {
    await this.#view.put('config/keys', config)
  }

  async deletion(): Promise<Deletion> {
    return (await this.#view.get('config/deletion', deletionShape)) ?? { guard: 0 }
  }

  async setDeletion(deletion: Deletion): Promise<void> {
    await this.#view.put('config/deletion', deletion)
  }

  /** How many keys a client wants cached; 0 is no limit. */
  async cacheSize(): Promise<number> {
    return (await this.#view.get('config/cache', cacheShape))?.size ?? 0
  }

  async setCacheSize(size: number): Promise<void> {
    await this.#view.put('config/cache', { size })
  }
}
