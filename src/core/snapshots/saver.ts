import type { Readable } from 'node:stream'
import { Fault } from '../../contract/fault.ts'
import type { SealRecord } from '../../contract/seal.ts'
import { StorageUnavailable } from '../../contract/storage.ts'
import type { Entry, StorageSnapshot } from '../../contract/storage.ts'
import { format } from '../../snapshot/meta.ts'
import type { SnapshotMeta, SnapshotSeal } from '../../snapshot/meta.ts'
import { measure } from '../../snapshot/sums.ts'
import { snapshotFile } from '../../snapshot/write.ts'
import { rfc3339 } from '../../util/clock.ts'
import { product } from '../../util/version.ts'
import { savedRecords } from './saved-records.ts'
import { SealOf } from './seal-of.ts'
import type { SnapshotParts } from './snapshots.ts'

/** At once: each one keeps the disk from reusing the space of what was removed meanwhile. */
const mostSaved = 4

/** Makes snapshots of the storage. */
export class SnapshotSaver {
  readonly #parts: SnapshotParts
  #saving = 0

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  /**
   * A snapshot of this moment, as a file that is written while it is read. The audit log has a line about it.
   * @param about what that line has besides
   */
  async save(about: Readonly<Record<string, string>> = {}): Promise<Readable> {
    const { storage, barrier, manager, note, events } = this.#parts
    if (!manager.isUnsealed) throw new Fault('sealed', 'Vault is sealed')
    if (this.#saving >= mostSaved)
      throw new Fault('unavailable', `${mostSaved} snapshots are being made; try again later`)
    this.#saving++
    let snapshot: StorageSnapshot | undefined
    const done = (): void => {
      this.#saving--
      void snapshot?.close().catch(() => {})
    }
    try {
      snapshot = await storage.snapshot()
      const entries = savedRecords(snapshot)
      const { meta, sha256 } = await this.#describe(snapshot, entries)
      const { created, revision, records } = meta
      await note('snapshot', { created, revision, records, sha256, ...about })
      events.tell('snapshot_saved', { revision, records, sha256 })
      return snapshotFile({ meta, sha256, entries, mac: (sums) => barrier.snapshotMac(sums) }, done)
    } catch (thrown) {
      done()
      throw asFault(thrown)
    }
  }

  async #describe(
    snapshot: StorageSnapshot,
    entries: () => AsyncIterable<readonly Entry[]>,
  ): Promise<{ readonly meta: SnapshotMeta; readonly sha256: string }> {
    const { cluster, clock, auditHeads } = this.#parts
    const seal = new SealOf(this.#parts.manager)
    const { records, bytes, sha256 } = await measure(seal.reading(entries()))
    const { name = '', id = '' } = cluster() ?? {}
    const heads = [...auditHeads()].map(([path, { size, root = '' }]) => [path, `${size}:${root}`] as const)
    const meta: SnapshotMeta = {
      format,
      created: rfc3339(clock.now()),
      release: product.release,
      cluster_name: name,
      cluster_id: id,
      seal: described(seal.record),
      revision: String(snapshot.rev),
      records,
      bytes,
      audit_heads: Object.fromEntries(heads),
    }
    return { meta, sha256 }
  }
}

function described({ type, shares, threshold, wrappedKeys }: SealRecord): SnapshotSeal {
  return { type, shares, threshold, ...(wrappedKeys && { seals: wrappedKeys.map(({ seal }) => seal) }) }
}

/** A failure of the storage as a fault. */
export function asFault(thrown: unknown): unknown {
  return thrown instanceof StorageUnavailable ? new Fault('unavailable', thrown.message, { cause: thrown }) : thrown
}
