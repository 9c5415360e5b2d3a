import { plainKeys } from '../../contract/barrier.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Protected, SealRecord, UnsealOptions } from '../../contract/seal.ts'
import { base64, wipe } from '../../util/bytes.ts'
import { Events, whyOf } from '../telemetry/events.ts'
import { Mutex } from '../../util/mutex.ts'
import { readPgpKey } from '../../crypto/keys/pgp.ts'
import { ShareRecipients } from './share-recipients.ts'
import { ShareCollector, checkShareSize } from './share-collector.ts'
import type { InitKeys, Initialised, SealManagerParts, SealStatus } from './lifecycle.ts'
import { changeRoot, reason, undoInit } from './root-key.ts'

/**
 * The states of the server: uninitialised → sealed → unsealed → sealed. One change at a time; key-share operations that
 * change or use the seal take their turn here too (`exclusively`).
 */
export class SealManager {
  readonly #parts: SealManagerParts
  readonly #events: Events
  readonly #mutex = new Mutex()
  #record: SealRecord | undefined
  #collector: ShareCollector | undefined
  #unsealKey: Uint8Array | undefined
  #isUnsealed = false
  #epoch = 0
  /** How often the storage was lost: an unseal in progress must then fail. */
  #losses = 0
  /** This process is replacing the seal record. */
  #replacing = false

  constructor(parts: SealManagerParts) {
    this.#parts = parts
    this.#events = new Events(parts.log)
    const { storage } = parts
    storage.watch(0n, {
      changed: (_, keys) => {
        if (!keys.includes(plainKeys.seal)) return
        this.#record = undefined
        // Another process has replaced it, and perhaps the shares.
        if (!this.#replacing) this.#epoch++
      },
      reset: () => {
        this.#record = undefined
      },
      lost: () => this.lost('the storage is not reachable any more'),
    })
  }

  /** Whether requests are served: unsealed, and with every change of the storage reported in time. */
  get isUnsealed(): boolean {
    const { barrier, storage } = this.#parts
    return this.#isUnsealed && !barrier.sealed && (storage.member === undefined || storage.member.inService)
  }

  /** Seals at once, because the changes of others can no longer be followed. */
  lost(why: string): void {
    const { barrier } = this.#parts
    this.#losses++
    barrier.seal()
    if (!this.#isUnsealed) return
    this.#isUnsealed = false
    this.#events.tell('sealed_by_loss', { why })
    void this.#mutex.run(async () => this.#shut())
  }

  /** Increases when the shares are replaced: operations with older shares are then invalid. */
  get epoch(): number {
    return this.#epoch
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
    this.#record ??= await this.#parts.seal.record(this.#parts.storage)
    return this.#record
  }

  async status(): Promise<SealStatus> {
    const record = await this.record()
    const { progress, nonce } = this.#collector ?? { progress: 0, nonce: '' }
    return {
      initialised: record !== undefined,
      sealed: !this.#isUnsealed,
      threshold: record?.threshold ?? 0,
      shares: record?.shares ?? 0,
      progress: this.#isUnsealed ? 0 : progress,
      nonce: progress > 0 && !this.#isUnsealed ? nonce : '',
    }
  }

  /**
   * Creates root key, keyring, shares and the first root token; stays sealed. All or nothing: a failure is undone, because
   * the shares would be lost. @throws Fault if the server is already initialised.
   */
  async initialise(shares: number, threshold: number, keys: InitKeys = {}): Promise<Initialised> {
    return this.#mutex.run(async () => {
      const { barrier, seal, random, hooks } = this.#parts
      if (await this.record()) throw refuse('Vault is already initialized')
      const recipients = await ShareRecipients.of(keys.pgpKeys ?? [], shares)
      const owner = keys.rootTokenPgpKey ? await readPgpKey('root_token_pgp_key', keys.rootTokenPgpKey) : undefined
      const root = random(32)
      const made = await seal.protect(root, shares, threshold)
      try {
        await barrier.initialise(root, [made.op])
        if (!(await barrier.unseal(root))) throw new Fault('unavailable', 'the keyring is not what was just written')
        await hooks.afterUnseal()
        const token = await hooks.createRootToken()
        return {
          shares: await recipients.hand(made.shares),
          rootToken: owner ? base64(await owner.encrypt(token)) : token,
        }
      } catch (thrown) {
        await this.#shut()
        this.#record = undefined
        await undoInit(this.#parts, made)
        throw thrown
      } finally {
        await this.#shut()
        wipe(root)
      }
    })
  }

  /** Accepts one share. The share that completes a threshold determines whether damage is accepted. */
  async unseal(share: Uint8Array, options: UnsealOptions = {}): Promise<void> {
    await this.#mutex.run(async () => {
      if (this.#isUnsealed) return
      const record = await this.record()
      if (!record) throw refuse('Vault is not initialized')
      checkShareSize(share)
      this.#collector ??= new ShareCollector(record.threshold, this.#parts.uuid())
      const shares = this.#collector.add(share)
      if (!shares) return
      this.#collector = undefined
      try {
        await this.#enter(record, shares, options)
      } finally {
        wipe(...shares)
      }
    })
  }

  /** Drops the shares given so far. */
  async resetUnseal(): Promise<void> {
    await this.#mutex.run(async () => {
      if (this.#isUnsealed) throw refuse('vault is unsealed')
      this.#collector?.reset()
      this.#collector = undefined
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

  /** Whether these shares are a threshold of the present ones. Inside `exclusively`. */
  async fits(shares: readonly Uint8Array[]): Promise<boolean> {
    const record = await this.record()
    const keys = record && (await this.#parts.seal.combine(record, shares))
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
    const outcome = await this.#reroot(next, keys.unsealKey)
    if (outcome === 'unknown') {
      wipe(keys.unsealKey)
      return outcome
    }
    this.#epoch++
    if (this.#unsealKey) wipe(this.#unsealKey)
    this.#unsealKey = keys.unsealKey
    return 'adopted'
  }

  /** A new root key under the same shares. */
  async rotateRoot(): Promise<void> {
    await this.exclusively(async () => {
      const record = await this.record()
      if (!record || !this.#unsealKey) throw new Fault('sealed', 'Vault is sealed')
      if ((await this.#reroot(record, this.#unsealKey)) === 'unknown')
        throw new Fault(
          'unavailable',
          'the storage did not tell whether it took the new root key, so the server sealed itself; unseal it with the same shares',
        )
    })
  }

  async createRootToken(): Promise<string> {
    return this.#parts.hooks.createRootToken()
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
      if (this.#unsealKey) wipe(this.#unsealKey)
      this.#unsealKey = undefined
    }
    await barrier.othersSealed()
  }

  async #enter(record: SealRecord, shares: readonly Uint8Array[], options: UnsealOptions): Promise<void> {
    const { barrier, seal, hooks } = this.#parts
    const losses = this.#losses
    const keys = await seal.combine(record, shares)
    try {
      if (!keys || !(await barrier.unseal(keys.root, options.acceptStorage)))
        throw refuse(
          'Unseal failed, invalid key: the shares given do not open this server; begin again with the first one',
        )
      await hooks.afterUnseal(options)
      if (losses !== this.#losses) throw new Fault('unavailable', 'the storage was lost meanwhile; unseal again')
    } catch (thrown) {
      if (keys) wipe(keys.unsealKey)
      if (barrier.sealed) throw thrown
      await this.#shut()
      this.#events.tell('unseal_failed', { why: whyOf(thrown) })
      // The audit log is not what it has to be, and the message says what an operator can do.
      if (thrown instanceof Fault && thrown.code === 'precondition_failed') throw thrown
      throw new Fault('internal', 'the key is right, but the unseal failed; see the server log', {
        cause: thrown,
      })
    } finally {
      if (keys) wipe(keys.root)
    }
    this.#unsealKey = keys.unsealKey
    this.#isUnsealed = true
    this.#events.tell('unsealed', {})
  }
}
