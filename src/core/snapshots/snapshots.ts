import type { Readable } from 'node:stream'
import { plainKeys, restoredKey } from '../../contract/barrier.ts'
import type { Barrier } from '../../contract/barrier.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { SealRecord } from '../../contract/seal.ts'
import { StorageUnavailable } from '../../contract/storage.ts'
import type { Entry, Storage, StorageSnapshot } from '../../contract/storage.ts'
import { format, unsealing } from '../../snapshot/meta.ts'
import type { SnapshotMeta, SnapshotSeal } from '../../snapshot/meta.ts'
import { readSnapshot } from '../../snapshot/read.ts'
import type { ReadSnapshot } from '../../snapshot/read.ts'
import { isRecordKey } from '../../snapshot/records.ts'
import { measure } from '../../snapshot/sums.ts'
import { snapshotFile } from '../../snapshot/write.ts'
import { sameBytes } from '../../util/bytes.ts'
import { rfc3339 } from '../../util/clock.ts'
import type { Clock } from '../../util/clock.ts'
import { product } from '../../util/version.ts'
import type { SealManager } from '../seal/seal-manager.ts'
import type { Events } from '../telemetry/events.ts'
import { StagedRestore } from './staged-restore.ts'

export interface SnapshotParts {
  readonly storage: Storage
  readonly barrier: Barrier
  readonly manager: SealManager
  readonly clock: Clock
  /** Undefined while sealed. */
  readonly cluster: () => { readonly name: string; readonly id: string } | undefined
  /** The ends of the audit logs, by device. */
  readonly auditHeads: () => ReadonlyMap<string, { readonly size: number; readonly root?: string }>
  /** Writes a line to the audit log. @throws Fault when no device takes it */
  readonly note: (data: Readonly<Record<string, unknown>>) => Promise<void>
  readonly events: Events
}

/** A snapshot that was read to its end. */
export interface SnapshotReport {
  readonly meta: SnapshotMeta
  /** Of its records, hexadecimal. */
  readonly sha256: string
  /** Its seal is of this cluster. False where no key is there to tell: the first unseal checks it then. */
  readonly verified: boolean
  /** The present shares, or seals, unseal what it restores. */
  readonly presentShares: boolean
  /** What unseals the restored server, as a clause. */
  readonly unsealing: string
}

export interface RestoreOptions {
  /** Also a snapshot of another cluster, or of other shares. */
  readonly force: boolean
  readonly revokeTokens: boolean
}

/** At once: each one keeps the disk from reusing the space of what was removed meanwhile. */
const mostSaved = 4

/** Makes snapshots of the storage, checks them, and restores them. */
export class Snapshots {
  readonly #parts: SnapshotParts
  #saving = 0
  #restoring = false
  #staged: StagedRestore | undefined

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  /** A snapshot of this moment, as a file that is written while it is read. The audit log has a line about it. */
  async save(): Promise<Readable> {
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
      const entries = recordsOf(snapshot)
      const { meta, sha256 } = await this.#describe(snapshot, entries)
      const { created, revision, records } = meta
      await note({ created, revision, records, sha256 })
      events.tell('snapshot_saved', { revision, records, sha256 })
      return snapshotFile({ meta, sha256, entries, mac: (sums) => barrier.snapshotMac(sums) }, done)
    } catch (thrown) {
      done()
      throw asFault(thrown)
    }
  }

  /** Reads a snapshot to its end, and decrypts every record. Nothing is changed. @throws Fault invalid_request saying what is wrong */
  async verify(file: AsyncIterable<Uint8Array>): Promise<SnapshotReport> {
    const { barrier, manager } = this.#parts
    if (!manager.isUnsealed) throw new Fault('sealed', 'Vault is sealed')
    const seal = new SealOf(this.#parts.manager)
    let broken = 0
    const read = await readSnapshot(file, {
      add: (entries) => {
        seal.read(entries)
        for (const entry of entries) if (!barrier.decrypts(entry)) broken++
      },
    })
    const report = await this.#reportOf(read, seal.record)
    if (!report.verified) throw this.#foreign(read.meta)
    if (broken > 0) throw refuse(`${broken} records of the snapshot do not decrypt, although its seal is right`)
    return report
  }

  /**
   * Writes a snapshot beside the storage. Nothing has changed then: `adopt` of the result puts it in place. An open server
   * takes snapshots of its own; one that is not initialised takes any.
   * @throws Fault invalid_request saying what is wrong, or why it needs force
   */
  async restore(file: AsyncIterable<Uint8Array>, options: RestoreOptions): Promise<StagedRestore> {
    if (this.#restoring) throw new Fault('unavailable', 'another snapshot is being restored; wait until that is done')
    this.#restoring = true
    try {
      const over = await this.#contentToReplace()
      await this.#staged?.discard()
      this.#staged = await this.#stage(file, options, over)
      return this.#staged
    } catch (thrown) {
      throw asFault(thrown)
    } finally {
      this.#restoring = false
    }
  }

  /** Removes what was written beside the storage and is not in place. */
  async close(): Promise<void> {
    await this.#staged?.discard()
  }

  async #stage(
    file: AsyncIterable<Uint8Array>,
    { force, revokeTokens }: RestoreOptions,
    over: 'nothing' | 'data',
  ): Promise<StagedRestore> {
    const { storage, manager, events } = this.#parts
    const replacement = await storage.replacement()
    try {
      const seal = new SealOf(this.#parts.manager)
      const add = async (entries: readonly Entry[]): Promise<void> => {
        seal.read(entries)
        await replacement.add(entries)
      }
      const read = await readSnapshot(file, { add })
      const record = seal.record
      if ((await measure(replacement.entries())).sha256 !== read.sha256)
        throw new Fault('unavailable', 'the disk did not keep what was restored; nothing was changed')
      const report = await this.#reportOf(read, record)
      if (over === 'data' && !force) this.#refuseOthers(report)
      const check = async (): Promise<void> => {
        if ((await this.#contentToReplace(over)) !== over)
          throw refuse('the server was initialised meanwhile; nothing was changed')
      }
      return await StagedRestore.of({ replacement, manager, events, report, read, over, revokeTokens, check })
    } catch (thrown) {
      await replacement.discard()
      throw thrown
    }
  }

  /**
   * What a restore would replace. A sealed server with data of its own is not touched: nobody has shown who he is.
   * @param earlier as an earlier look found it, when the caller was allowed
   */
  async #contentToReplace(earlier?: 'data' | 'nothing'): Promise<'nothing' | 'data'> {
    const { storage, manager, barrier } = this.#parts
    if (manager.isUnsealed || earlier === 'data') return 'data'
    const [keyring] = await storage.get([plainKeys.keyring])
    if (!keyring) return 'nothing'
    // One that was restored into an empty server, and never unsealed: perhaps it was the wrong one.
    const note = await barrier.restored()
    if (note?.over === 'nothing' && note.verified === undefined) return 'nothing'
    throw new Fault('sealed', 'Vault is sealed')
  }

  async #reportOf(read: ReadSnapshot, record: SealRecord): Promise<SnapshotReport> {
    const { barrier, manager } = this.#parts
    const verified = manager.isUnsealed && sameBytes(read.mac, barrier.snapshotMac(read.sums))
    const presentShares = verified && (await manager.opens(record))
    const { meta, sha256 } = read
    const how = presentShares ? unsealing(meta.seal, 'present') : unsealing(meta.seal, '', meta.created)
    return { meta, sha256, verified, presentShares, unsealing: how }
  }

  #refuseOthers({ meta, verified, presentShares, unsealing: how }: SnapshotReport): void {
    if (!verified)
      throw this.#foreign(
        meta,
        ', or restore it with force: then it is checked at the first unseal, with its own shares or seals',
      )
    if (!presentShares)
      throw refuse(
        `the snapshot was made under other ${meta.seal.seals ? 'seals or recovery keys' : 'shares'} than the present ones: ` +
          `after it was restored, ${how}, and no others. To restore it all the same, do it with force (snapshot-force)`,
      )
  }

  #foreign(meta: SnapshotMeta, otherwise = ''): Fault {
    const cluster = this.#parts.cluster()
    return refuse(
      cluster?.id === meta.cluster_id
        ? `the seal of the snapshot is not one of this cluster: it was changed. Take another copy of it${otherwise}`
        : `the snapshot is of another cluster (${meta.cluster_name}, ${meta.cluster_id}): restore it into an empty server${otherwise}`,
    )
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

function recordsOf(snapshot: StorageSnapshot): () => AsyncGenerator<readonly Entry[]> {
  return async function* () {
    for await (const page of snapshot.entries()) yield page.filter(({ key }) => key !== restoredKey && isRecordKey(key))
  }
}

/** Finds seal and keyring among the records of a snapshot. */
class SealOf {
  readonly #manager: Pick<SealManager, 'recordIn'>
  #seal: SealRecord | undefined
  #hasKeyring = false

  constructor(manager: Pick<SealManager, 'recordIn'>) {
    this.#manager = manager
  }

  read(entries: readonly Entry[]): void {
    for (const { key, value } of entries)
      if (key === plainKeys.keyring) this.#hasKeyring = true
      else if (key === plainKeys.seal) this.#seal = this.#manager.recordIn(value)
  }

  async *reading(pages: AsyncIterable<readonly Entry[]>): AsyncGenerator<readonly Entry[]> {
    for await (const page of pages) {
      this.read(page)
      yield page
    }
  }

  /** @throws Fault invalid_request */
  get record(): SealRecord {
    if (this.#seal && this.#hasKeyring) return this.#seal
    throw refuse('the snapshot lacks the record of a seal, or the keyring: nobody could unseal it')
  }
}

function asFault(thrown: unknown): unknown {
  return thrown instanceof StorageUnavailable ? new Fault('unavailable', thrown.message, { cause: thrown }) : thrown
}
