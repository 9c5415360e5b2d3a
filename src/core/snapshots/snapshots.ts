import type { Readable } from 'node:stream'
import { plainKeys } from '../../contract/barrier.ts'
import type { Barrier } from '../../contract/barrier.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Caller } from '../../contract/identity.ts'
import type { SealRecord } from '../../contract/seal.ts'
import type { Entry, Replacement, Storage } from '../../contract/storage.ts'
import { unsealing } from '../../snapshot/meta.ts'
import type { SnapshotMeta } from '../../snapshot/meta.ts'
import { readSnapshot } from '../../snapshot/read.ts'
import type { ReadSnapshot } from '../../snapshot/read.ts'
import { measure } from '../../snapshot/sums.ts'
import { sameBytes } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { SealManager } from '../seal/seal-manager.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import type { Events } from '../telemetry/events.ts'
import { checkRecovery, recoverOne } from './recovery.ts'
import type { Recovered, RecoverySpec } from './recovery.ts'
import { SnapshotSaver, asFault } from './saver.ts'
import { SealOf } from './seal-of.ts'
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
  readonly note: (about: 'snapshot' | 'recovery', data: Readonly<Record<string, unknown>>) => Promise<void>
  /** The root namespace. @throws Fault sealed */
  readonly root: () => Namespace
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

/** Makes snapshots of the storage, checks them, and restores them. */
export class Snapshots {
  readonly #parts: SnapshotParts
  readonly #saver: SnapshotSaver
  #restoring = false
  #staged: StagedRestore | undefined

  constructor(parts: SnapshotParts) {
    this.#parts = parts
    this.#saver = new SnapshotSaver(parts)
  }

  /** See `SnapshotSaver.save`. */
  readonly save = async (about: Readonly<Record<string, string>> = {}): Promise<Readable> => this.#saver.save(about)

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
    return this.#oneAtATime(async () => {
      const over = await this.#contentToReplace()
      await this.#staged?.discard()
      this.#staged = await this.#stage(file, options, over)
      return this.#staged
    })
  }

  /**
   * Recovers one secret or key of a snapshot of this cluster. Nothing else is changed.
   * @param by who asks, in which request; judged once the file is there, which may take hours
   * @throws Fault saying why it cannot be
   */
  async recover(
    file: AsyncIterable<Uint8Array>,
    spec: RecoverySpec,
    by: { readonly caller: () => Promise<Caller>; readonly request: string },
  ): Promise<Recovered & Pick<SnapshotReport, 'meta' | 'sha256'>> {
    const { storage, barrier, note, root } = this.#parts
    return this.#oneAtATime(async () => {
      checkRecovery({ spec, root: root() })
      const replacement = await storage.replacement()
      try {
        const { read } = await this.#beside(replacement, file)
        const { meta, sha256 } = read
        if (!this.#isOurs(read))
          throw this.#foreign(meta, '', ' with its own shares or seals, and read it there: this server does not have its keys') // prettier-ignore
        await replacement.finish(BigInt(meta.revision))
        const caller = await by.caller()
        const recovered = await recoverOne(barrier.snapshotView(replacement), {
          spec,
          caller,
          root: root(),
          note: async (paths) => {
            const version = spec.version === undefined ? {} : { version: spec.version }
            await note('recovery', { request: by.request, ...paths, ...version, created: meta.created, sha256 })
          },
        })
        return { ...recovered, meta, sha256 }
      } finally {
        await replacement.discard()
      }
    })
  }

  /** Removes what was written beside the storage and is not in place. */
  async close(): Promise<void> {
    await this.#staged?.discard()
  }

  /** What is written beside the storage takes the space of all of it. */
  async #oneAtATime<T>(task: () => Promise<T>): Promise<T> {
    if (this.#restoring) throw new Fault('unavailable', 'another snapshot is being restored; wait until that is done')
    this.#restoring = true
    try {
      return await task()
    } catch (thrown) {
      throw asFault(thrown)
    } finally {
      this.#restoring = false
    }
  }

  /** Writes a snapshot beside the storage, and reads it back. @throws Fault, StorageUnavailable */
  async #beside(
    replacement: Replacement,
    file: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly read: ReadSnapshot; readonly record: SealRecord }> {
    const seal = new SealOf(this.#parts.manager)
    const add = async (entries: readonly Entry[]): Promise<void> => {
      seal.read(entries)
      await replacement.add(entries)
    }
    const read = await readSnapshot(file, { add })
    const { record } = seal
    if ((await measure(replacement.entries())).sha256 !== read.sha256)
      throw new Fault('unavailable', 'the disk did not keep what was restored; nothing was changed')
    return { read, record }
  }

  async #stage(
    file: AsyncIterable<Uint8Array>,
    { force, revokeTokens }: RestoreOptions,
    over: 'nothing' | 'data',
  ): Promise<StagedRestore> {
    const { storage, manager, events } = this.#parts
    const replacement = await storage.replacement()
    try {
      const { read, record } = await this.#beside(replacement, file)
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
   * What a restore would replace. A sealed server with data of its own is not touched: it cannot authenticate the caller.
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
    const { manager } = this.#parts
    const verified = this.#isOurs(read)
    const presentShares = verified && (await manager.opens(record))
    const { meta, sha256 } = read
    const how = presentShares ? unsealing(meta.seal, 'present') : unsealing(meta.seal, '', meta.created)
    return { meta, sha256, verified, presentShares, unsealing: how }
  }

  /** Whether its seal is of this cluster. False while no key is there to tell. */
  #isOurs({ mac, sums }: ReadSnapshot): boolean {
    const { manager, barrier } = this.#parts
    return manager.isUnsealed && sameBytes(mac, barrier.snapshotMac(sums))
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

  /** @param otherwise what else is possible, at the end of the sentence; `elsewhere` when it is of another cluster */
  #foreign(meta: SnapshotMeta, otherwise = '', elsewhere = otherwise): Fault {
    const cluster = this.#parts.cluster()
    return refuse(
      cluster?.id === meta.cluster_id
        ? `the seal of the snapshot is not one of this cluster: it was changed. Take another copy of it${otherwise}`
        : `the snapshot is of another cluster (${meta.cluster_name}, ${meta.cluster_id}): restore it into an empty server${elsewhere}`,
    )
  }
}
