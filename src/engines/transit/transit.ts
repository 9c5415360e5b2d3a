import type { EngineHost } from '../../contract/engine.ts'
import type { Random } from '../../keys/record.ts'
import { KeyStore } from '../../keys/store.ts'
import { MountSettings } from './mount-settings.ts'

/** A transit mount: its keys, and the settings that only Vault's API has. */
export class Transit {
  readonly keys: KeyStore
  readonly settings: MountSettings

  constructor(host: EngineHost, random: Random) {
    this.keys = new KeyStore(host, random)
    this.settings = new MountSettings(host.view)
  }
}
