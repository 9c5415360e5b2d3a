import type { View } from '../../contract/view.ts'
import { isCount, isFlag, shapeOf } from '../../util/stored/shape.ts'

/** Which requests may create keys. */
interface KeysConfig {
  readonly disableUpsert: boolean
}

const keysShape = shapeOf<KeysConfig>('a setting of a mount', { disableUpsert: isFlag })
const cacheShape = shapeOf<{ readonly size: number }>('a setting of a mount', { size: isCount })

/** The settings that Vault's transit has for a mount, each a record below `config/`. */
export class MountSettings {
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

  /** The number of keys that a client wants to have cached; 0 is no limit. */
  async cacheSize(): Promise<number> {
    return (await this.#view.get('config/cache', cacheShape))?.size ?? 0
  }

  async setCacheSize(size: number): Promise<void> {
    await this.#view.put('config/cache', { size })
  }
}
