import type { Engine } from '../../contract/engine.ts'
import type { MountRecord } from '../../contract/mount.ts'
import type { Closer } from '../../contract/storage.ts'
import type { Trie } from '../request/trie.ts'

/** An open mount. `record` is replaced when the mount is tuned. */
export interface Mount {
  record: MountRecord
  /** `transit/` or `auth/token/`. */
  readonly apiPath: string
  readonly engine: Engine
  /** The result of the engine's `start`. */
  readonly state: unknown
  readonly trie: Trie
  /** Of the records that the engine follows. They end with the mount. */
  readonly watches: ReadonlySet<Closer>
}
