import { restoredKey } from '../../contract/barrier.ts'
import type { RestoredSnapshot } from '../../contract/barrier.ts'
import { refuse } from '../../contract/fault.ts'
import type { Replacement } from '../../contract/storage.ts'
import type { ReadSnapshot } from '../../snapshot/read.ts'
import { readSums } from '../../snapshot/sums.ts'
import { base64, utf8 } from '../../util/bytes.ts'
import type { SealManager } from '../seal/seal-manager.ts'
import type { Events } from '../telemetry/events.ts'
import { asFault } from './saver.ts'
import type { SnapshotReport } from './snapshots.ts'

interface Parts {
  readonly replacement: Replacement
  readonly manager: SealManager
  readonly events: Events
  readonly report: SnapshotReport
  readonly read: ReadSnapshot
  readonly over: RestoredSnapshot['over']
  readonly revokeTokens: boolean
  /** Whether what it replaces is still what was checked. @throws Fault */
  readonly check: () => Promise<void>
}

/** A snapshot that lies complete beside the storage. */
export class StagedRestore {
  readonly #parts: Parts
  #isDone = false

  private constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Adds the note that the first unseal reads. */
  static async of(parts: Parts): Promise<StagedRestore> {
    const { replacement, read, over, revokeTokens } = parts
    const note: RestoredSnapshot = {
      format: 1,
      created: read.meta.created,
      meta: readSums(read.sums)?.meta ?? '',
      state: read.sha256,
      mac: base64(read.mac),
      over,
      revokeTokens,
    }
    const rev = BigInt(read.meta.revision) + 1n
    await replacement.add([{ key: restoredKey, value: utf8(JSON.stringify(note)), rev }])
    await replacement.finish(rev)
    return new StagedRestore(parts)
  }

  get report(): SnapshotReport {
    return this.#parts.report
  }

  /** Seals the server, and puts the snapshot in the place of its storage. */
  async adopt(): Promise<void> {
    const { manager, replacement, check, events, report } = this.#parts
    const mayReplace = async (): Promise<void> => {
      await check()
      if (this.#isDone) throw refuse('another restore was begun meanwhile; nothing was changed')
    }
    await manager.replaceStorage(mayReplace, async () => {
      this.#isDone = true
      await replacement.adopt().catch((thrown: unknown) => {
        throw asFault(thrown)
      })
      events.tell('snapshot_restored', { created: report.meta.created, sha256: report.sha256 })
    })
  }

  /** Removes it, unless it is in place. */
  async discard(): Promise<void> {
    if (this.#isDone) return
    this.#isDone = true
    await this.#parts.replacement.discard()
  }
}
