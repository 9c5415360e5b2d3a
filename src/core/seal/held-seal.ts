import { Fault } from '../../contract/fault.ts'
import type { Protected, SealRecord } from '../../contract/seal.ts'
import { wipe } from '../../util/bytes.ts'
import { Events, whyOf } from '../telemetry/events.ts'
import type { SealManagerParts } from './lifecycle.ts'
import { changeRoot } from './root-key.ts'

const notReported =
  'the storage did not tell whether it took the new root key, so the server sealed itself; unseal it with the same shares'

/**
 * The seal of the storage: its record and, while the server is unsealed, the unseal key. Everything that replaces one of them is
 * here, one at a time: the seal manager sees to that.
 */
export class HeldSeal {
  readonly #parts: SealManagerParts
  readonly #events: Events
  readonly #shut: () => Promise<void>
  #record: SealRecord | undefined
  #unsealKey: Uint8Array | undefined
  #epoch = 0
  /** This process is replacing the seal record. */
  #replacing = false

  /** @param shut seals the server, which cannot go on with what it holds */
  constructor(parts: SealManagerParts, shut: () => Promise<void>) {
    this.#parts = parts
    this.#events = new Events(parts.log)
    this.#shut = shut
  }

  /** Increases when the shares are replaced: operations with older shares are then invalid. */
  get epoch(): number {
    return this.#epoch
  }

  /** The seal record, read from the storage the first time. */
  async record(): Promise<SealRecord | undefined> {
    this.#record ??= await this.#parts.seal.record(this.#parts.storage)
    return this.#record
  }

  /** The record is read again when it is next needed. */
  forget(): void {
    this.#record = undefined
  }

  /** The record in the storage was replaced; unless by this process, perhaps the shares were as well. */
  changed(): void {
    this.#record = undefined
    if (!this.#replacing) this.#epoch++
  }

  /** Keeps the unseal key of a server that was unsealed. */
  hold(unsealKey: Uint8Array): void {
    this.wipe()
    this.#unsealKey = unsealKey
  }

  wipe(): void {
    if (this.#unsealKey) wipe(this.#unsealKey)
    this.#unsealKey = undefined
  }

  /** The seal record of another storage, such as a snapshot; undefined when it is none. */
  recordIn(bytes: Uint8Array): SealRecord | undefined {
    try {
      return this.#parts.seal.read(bytes)
    } catch (thrown) {
      if (thrown instanceof Fault) return undefined
      throw thrown
    }
  }

  /** Whether the present shares, or seals, unseal what this record protects. */
  async opens(record: SealRecord): Promise<boolean> {
    return this.#unsealKey !== undefined && this.#parts.seal.opens(record, this.#unsealKey)
  }

  /** Whether these shares are a threshold of the present ones. Inside `exclusively`. */
  async fits(shares: readonly Uint8Array[]): Promise<boolean> {
    const record = await this.record()
    if (!record) return false
    const isRecovery = await this.#parts.seal.isRecovery(record, shares, this.#key)
    if (isRecovery !== undefined) return isRecovery
    const keys = await this.#parts.seal.combine(record, shares)
    if (!keys) return false
    const valid = await this.#parts.barrier.isRoot(keys.root)
    wipe(keys.root, keys.unsealKey)
    return valid
  }

  /** Shares of a new unseal key. They decrypt nothing until `adopt`. */
  async split(shares: number, threshold: number): Promise<Protected> {
    const placeholder = this.#parts.random(32)
    const made = await this.#parts.seal.protect(placeholder, shares, threshold)
    wipe(placeholder)
    return made
  }

  /**
   * Replaces the current seal by one from `split`, together with a new root key: the old shares and an old copy of the seal
   * record must not decrypt a later copy of the keyring. Inside `exclusively`.
   *
   * - `unfit`: `shares` are not a threshold of the new ones; nothing has changed.
   * - `unknown`: the storage failed without reporting whether it wrote. The server has sealed itself; either the old or the
   *   new shares unseal it, so both must be kept.
   * @throws Fault unavailable if nothing was changed.
   */
  async adopt(next: SealRecord, shares: readonly Uint8Array[]): Promise<'adopted' | 'unfit' | 'unknown'> {
    const keys = await this.#parts.seal.combine(next, shares)
    if (!keys) return 'unfit'
    wipe(keys.root)
    return (await this.#replace(next, keys.unsealKey)) === 'done' ? 'adopted' : 'unknown'
  }

  /** A new root key under the same shares. */
  async rotateRoot(): Promise<void> {
    const record = await this.record()
    if (!record) throw new Fault('sealed', 'Vault is sealed')
    if ((await this.#reroot(record, this.#key)) === 'unknown') throw new Fault('unavailable', notReported)
  }

  /** A new root key. While it is unknown whether it was written, the server is sealed. */
  async #reroot(record: SealRecord, unsealKey: Uint8Array): Promise<'done' | 'unknown'> {
    this.#replacing = true
    const outcome = await changeRoot(this.#parts, record, unsealKey).finally(() => {
      this.#record = undefined
      this.#replacing = false
    })
    if (outcome === 'unknown') {
      this.#parts.log.error('the storage did not report whether it committed the new root key; sealing')
      await this.#shut()
    }
    return outcome
  }

  /** Changes the seal to that of the configuration; when it fails, the server is sealed and the seal is as before. */
  async migrate(record: SealRecord, shares: readonly Uint8Array[]): Promise<void> {
    const { seal } = this.#parts
    try {
      const next = await seal.migrated(record, this.#key, shares)
      if ((await this.#replace(next.record, next.unsealKey)) === 'unknown') throw new Fault('unavailable', notReported)
    } catch (thrown) {
      await this.#shut()
      throw thrown
    }
    this.#events.tell('seal_changed', { from: record.type, to: seal.type })
  }

  /** Lets every seal of the configuration unseal, with its key of today. What fails is tried again at the next unseal. */
  async refresh(record: SealRecord): Promise<void> {
    const { seal, barrier } = this.#parts
    if (barrier.member !== undefined || !this.#unsealKey) return
    try {
      const next = await seal.refreshed(record, this.#unsealKey)
      if (next && (await this.#reroot(next, this.#unsealKey)) === 'done') this.#events.tell('seal_refreshed', {})
    } catch (thrown) {
      this.#events.tell('seal_refresh_failed', { why: whyOf(thrown) })
    }
  }

  /** A new root key under another unseal key, which is held from now on; it is wiped if it is not certain that it counts. */
  async #replace(record: SealRecord, unsealKey: Uint8Array): Promise<'done' | 'unknown'> {
    let outcome: 'done' | 'unknown' = 'unknown'
    try {
      outcome = await this.#reroot(record, unsealKey)
    } finally {
      if (outcome === 'unknown') wipe(unsealKey)
    }
    if (outcome === 'done') {
      this.#epoch++
      this.hold(unsealKey)
    }
    return outcome
  }

  /** @throws Fault sealed: nothing is decided, or encrypted, with a key that is not there */
  get #key(): Uint8Array {
    if (this.#unsealKey) return this.#unsealKey
    throw new Fault('sealed', 'Vault is sealed')
  }
}
