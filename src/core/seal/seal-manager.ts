import { plainKeys } from '../../contract/barrier.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Protected, SealKeys, SealRecord, SealStatus, UnsealOptions } from '../../contract/seal.ts'
import { wipe } from '../../util/bytes.ts'
import { Events, whyOf } from '../telemetry/events.ts'
import { Mutex } from '../../util/mutex.ts'
import { ShareCollector, checkShareSize } from './share-collector.ts'
import type { InitKeys, Initialised, SealManagerParts } from './lifecycle.ts'
import { HeldSeal } from './held-seal.ts'
import { initialise } from './initialisation.ts'
import { reason } from './root-key.ts'

/**
 * The states of the server: uninitialised → sealed → unsealed → sealed. One change at a time; key-share operations that
 * change or use the seal take their turn here too (`exclusively`).
 */
export class SealManager {
  readonly #parts: SealManagerParts
  readonly #events: Events
  readonly #mutex = new Mutex()
  readonly #held: HeldSeal
  #collector: ShareCollector | undefined
  #isUnsealed = false
  /** How often the storage was lost: an unseal in progress must then fail. */
  #lossCount = 0

  constructor(parts: SealManagerParts) {
    this.#parts = parts
    this.#events = new Events(parts.log)
    this.#held = new HeldSeal(parts, async () => this.#shut())
    parts.storage.watch(0n, {
      changed: (_, keys) => {
        if (keys.includes(plainKeys.seal)) this.#held.changed()
      },
      reset: () => this.#held.forget(),
      lost: () => this.lost('the storage is not reachable any more'),
    })
  }

  /** Whether requests are served: unsealed, and with every change of the storage reported in time. */
  get isUnsealed(): boolean {
    const { barrier, storage } = this.#parts
    return this.#isUnsealed && !barrier.sealed && (storage.member === undefined || storage.member.inService)
  }

  /** Whether seals of the configuration unseal the server. */
  get isAuto(): boolean {
    return this.#parts.seal.isAuto
  }

  /** Seals at once, because the changes of others can no longer be followed. */
  lost(why: string): void {
    const { barrier } = this.#parts
    this.#lossCount++
    barrier.seal()
    if (!this.#isUnsealed) return
    this.#isUnsealed = false
    this.#events.tell('sealed_by_loss', { why })
    void this.#mutex.run(async () => this.#shut())
  }

  /** Increases when the shares are replaced: operations with older shares are then invalid. */
  get epoch(): number {
    return this.#held.epoch
  }

  /** Runs `task` exclusively: no seal, unseal or rekey meanwhile. @throws Fault sealed unless unsealed. */
  async exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.#mutex.run(async () => {
      if (!this.#isUnsealed) throw new Fault('sealed', 'Vault is sealed')
      return task()
    })
  }

  /** The unseal key's record, read from the storage the first time. */
  async record(): Promise<SealRecord | undefined> {
    return this.#held.record()
  }

  async status(): Promise<SealStatus> {
    const record = await this.record()
    const { progress, nonce } = this.#collector ?? { progress: 0, nonce: '' }
    return {
      initialised: record !== undefined,
      sealed: !this.#isUnsealed,
      type: this.#parts.seal.type,
      isAuto: this.#parts.seal.isAuto,
      isMigration: record !== undefined && this.#parts.seal.isMigration(record),
      threshold: record?.threshold ?? 0,
      shares: record?.shares ?? 0,
      progress: this.#isUnsealed ? 0 : progress,
      nonce: progress > 0 && !this.#isUnsealed ? nonce : '',
    }
  }

  /**
   * Creates root key, keyring, shares (0 and 0: none yet, where seals unseal) and the first root token; stays sealed. All or nothing: a failure is undone, because
   * the shares would be lost. @throws Fault if the server is already initialised.
   */
  async initialise(shares: number, threshold: number, keys: InitKeys = {}): Promise<Initialised> {
    return this.#mutex.run(async () => {
      if (await this.record()) throw refuse('Vault is already initialized')
      const shut = async (): Promise<void> => this.#shut()
      return initialise(this.#parts, { shares, threshold, keys, shut, forget: () => this.#held.forget() })
    })
  }

  /**
   * Takes one share. The share that completes a threshold says what is to become of damage, and whether the seal changes to that
   * of the configuration.
   */
  async unseal(share: Uint8Array, options: UnsealOptions = {}): Promise<void> {
    await this.#mutex.run(async () => {
      if (this.#isUnsealed) return
      const record = await this.record()
      if (!record) throw refuse('Vault is not initialized')
      this.#checkMigration(record, options)
      checkShareSize(share)
      this.#collector ??= new ShareCollector(record.threshold, this.#parts.uuid())
      const shares = this.#collector.add(share)
      if (!shares) return
      this.#collector = undefined
      try {
        await this.#enter(await this.#parts.seal.combine(record, shares), options)
        await (options.migrate ? this.#held.migrate(record, shares) : this.#held.refresh(record))
      } finally {
        wipe(...shares)
      }
    })
  }

  /**
   * Unseals with the seals of the configuration. Nothing happens when it is unsealed, uninitialised, or has shares only.
   * @throws Fault unavailable when no seal is reachable; precondition_failed when only an operator can go on
   */
  async unsealAutomatically(): Promise<void> {
    await this.#mutex.run(async () => {
      const { seal } = this.#parts
      const record = await this.record()
      if (this.#isUnsealed || !record || !seal.isAuto || seal.isMigration(record)) return
      await this.#enter(await seal.unwrap(record))
      await this.#held.refresh(record)
    })
  }

  /** Forgets the shares given so far. */
  async resetUnseal(): Promise<void> {
    await this.#mutex.run(async () => {
      if (this.#isUnsealed) throw refuse('vault is unsealed')
      this.#dropShares()
    })
  }

  /** Closes everything and wipes the keys. Sealed already is fine. */
  async seal(): Promise<void> {
    await this.#mutex.run(async () => {
      if (!this.#isUnsealed) return
      await this.#shut()
      this.#events.tell('sealed', {})
    })
  }

  /**
   * Seals, and lets a task put other data in the place of what the storage has. Sealed it stays.
   * @param check throws when that must not be: then the server is not sealed either
   */
  async replaceStorage(check: () => Promise<void>, task: () => Promise<void>): Promise<void> {
    await this.#mutex.run(async () => {
      await check()
      await this.#shut()
      this.#dropShares()
      try {
        await task()
      } finally {
        this.#held.changed()
      }
    })
  }

  /** See `HeldSeal.recordIn`. */
  recordIn(bytes: Uint8Array): SealRecord | undefined {
    return this.#held.recordIn(bytes)
  }

  /** See `HeldSeal.opens`. */
  async opens(record: SealRecord): Promise<boolean> {
    return this.#held.opens(record)
  }

  /** Whether these shares are a threshold of the present ones. Inside `exclusively`. */
  async fits(shares: readonly Uint8Array[]): Promise<boolean> {
    return this.#held.fits(shares)
  }

  /** Shares of a new unseal key. They decrypt nothing until `adopt`. */
  async split(shares: number, threshold: number): Promise<Protected> {
    return this.#held.split(shares, threshold)
  }

  /** See `HeldSeal.adopt`. Inside `exclusively`. */
  async adopt(next: SealRecord, shares: readonly Uint8Array[]): ReturnType<HeldSeal['adopt']> {
    return this.#held.adopt(next, shares)
  }

  /** A new root key under the same shares. */
  async rotateRoot(): Promise<void> {
    await this.exclusively(async () => this.#held.rotateRoot())
  }

  async createRootToken(): Promise<string> {
    return this.#parts.hooks.createRootToken()
  }

  #dropShares(): void {
    this.#collector?.reset()
    this.#collector = undefined
  }

  /** Seals, even if a step fails. */
  async #shut(): Promise<void> {
    const { barrier, hooks, log } = this.#parts
    this.#isUnsealed = false
    try {
      await hooks.beforeSeal()
    } catch (thrown) {
      log.error('closing failed; the keys were wiped', reason(thrown))
    } finally {
      barrier.seal()
      this.#held.wipe()
    }
    await barrier.othersSealed()
  }

  /** @throws Fault invalid_request unless a migration is asked for exactly when the configuration has another kind of seal */
  #checkMigration(record: SealRecord, { migrate = false }: UnsealOptions): void {
    const isPending = this.#parts.seal.isMigration(record)
    if (isPending && !migrate)
      throw refuse(
        'the configuration has another kind of seal than the storage: give "migrate" with every share (operator unseal -migrate), or restore the seal stanza and restart',
      )
    if (!isPending && migrate)
      throw refuse(
        "can't perform a seal migration, no migration seal found: the configuration has the seal of the storage",
      )
  }

  async #enter(keys: SealKeys | undefined, options: UnsealOptions = {}): Promise<void> {
    const { barrier, hooks } = this.#parts
    const losses = this.#lossCount
    try {
      if (!keys || !(await barrier.unseal(keys.root, options.acceptStorage)))
        throw refuse(
          'Unseal failed, invalid key: the submitted shares do not unseal this server; submit all shares again',
        )
      await hooks.afterUnseal(options)
      if (losses !== this.#lossCount) throw new Fault('unavailable', 'the storage was lost meanwhile; unseal again')
    } catch (thrown) {
      if (keys) wipe(keys.unsealKey)
      if (barrier.sealed) throw thrown
      await this.#shut()
      this.#events.tell('unseal_failed', { why: whyOf(thrown) })
      // The audit log is not what it has to be, and the message says what an operator can do.
      if (thrown instanceof Fault && thrown.code === 'precondition_failed')
        throw new Fault(thrown.code, thrown.message, { ...thrown.details, logged: true })
      throw new Fault('internal', 'the key is right, but the unseal failed; see the server log', {
        logged: true,
        cause: thrown,
      })
    } finally {
      if (keys) wipe(keys.root)
    }
    this.#held.hold(keys.unsealKey)
    this.#dropShares()
    this.#isUnsealed = true
    this.#events.tell('unsealed', {})
  }
}
