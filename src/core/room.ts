import { plainKeys } from '../contract/barrier.ts'
import type { Barrier } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Protected, Seal, SealRecord } from '../contract/seal.ts'
import { AmbiguousCommit } from '../contract/storage.ts'
import type { Storage } from '../contract/storage.ts'
import { base64, sameBytes, wipe } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Turnstile } from '../util/once.ts'
import { readPgpKey } from '../crypto/pgp.ts'
import { Holders } from './holders.ts'
import { Quorum, checkShareSize } from './quorum.ts'

/** What happens around opening and closing; the core's own affair. */
export interface Life {
  /** After unseal: everything that lives only while open. */
  open(): Promise<void>
  /** Before seal, and after an `open` that failed half-way. It must not wait for the room: the room waits for it. */
  close(): Promise<void>
  /** A new root token of an open server. */
  createRootToken(): Promise<string>
}

export interface RoomParts {
  readonly storage: Storage
  readonly barrier: Barrier
  readonly seal: Seal
  readonly random: (bytes: number) => Uint8Array
  readonly uuid: () => string
  readonly clock: Clock
  readonly log: Log
  readonly life: Life
}

/** How far the server is from being open. */
export interface SealStatus {
  readonly initialised: boolean
  readonly sealed: boolean
  readonly threshold: number
  readonly shares: number
  readonly progress: number
  readonly nonce: string
}

/** PGP keys (base64) of those for whom init encrypts what it gives. */
export interface InitKeys {
  /** None, or one for each share. */
  readonly pgpKeys?: readonly string[]
  readonly rootTokenPgpKey?: string
}

/** What init gives the operators, once: in clear, or OpenPGP messages (the token's in base64). */
export interface Initialised {
  readonly shares: readonly Uint8Array[]
  readonly rootToken: string
}

/** How often, and how long in between (milliseconds), a write is repeated whose outcome the storage did not tell. */
const settling = { tries: 6, wait: 500 } as const

/**
 * The states of the server: uninitialised → sealed → open → sealed. One change at a time; ceremonies that change or use the
 * seal take their turn here too (`exclusively`).
 */
export class Room {
  readonly #parts: RoomParts
  readonly #turnstile = new Turnstile()
  #record: SealRecord | undefined
  #quorum: Quorum | undefined
  #unsealKey: Uint8Array | undefined
  #open = false
  #epoch = 0

  constructor(parts: RoomParts) {
    this.#parts = parts
  }

  get isOpen(): boolean {
    return this.#open
  }

  /** Grows whenever the shares are replaced: what older shares allowed is void then. */
  get epoch(): number {
    return this.#epoch
  }

  /** Runs `task` alone: nothing is sealed, unsealed or reshared meanwhile. @throws Fault sealed unless open. */
  async exclusively<T>(task: () => Promise<T>): Promise<T> {
    return this.#turnstile.run(async () => {
      if (!this.#open) throw new Fault('sealed', 'Vault is sealed', { bare: true })
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
    const { progress, nonce } = this.#quorum ?? { progress: 0, nonce: '' }
    return {
      initialised: record !== undefined,
      sealed: !this.#open,
      threshold: record?.threshold ?? 0,
      shares: record?.shares ?? 0,
      progress: this.#open ? 0 : progress,
      nonce: progress > 0 && !this.#open ? nonce : '',
    }
  }

  /**
   * Makes root key, keyring, shares and the first root token; stays sealed. All or nothing: a failure half-way is undone,
   * because nobody would hold the shares. @throws Fault when it was done before.
   */
  async initialise(shares: number, threshold: number, keys: InitKeys = {}): Promise<Initialised> {
    return this.#turnstile.run(async () => {
      const { barrier, seal, random, life } = this.#parts
      if (await this.record()) throw refuse('Vault is already initialized')
      const holders = await Holders.of(keys.pgpKeys ?? [], shares)
      const owner = keys.rootTokenPgpKey ? await readPgpKey('root_token_pgp_key', keys.rootTokenPgpKey) : undefined
      const root = random(32)
      const made = await seal.protect(root, shares, threshold)
      try {
        await barrier.initialise(root, [made.op])
        if (!(await barrier.unseal(root))) throw new Fault('unavailable', 'the keyring is not what was just written')
        await life.open()
        const token = await life.createRootToken()
        return {
          shares: await holders.hand(made.shares),
          rootToken: owner ? base64(await owner.encrypt(token)) : token,
        }
      } catch (thrown) {
        await this.#shut()
        await this.#undo(made)
        throw thrown
      } finally {
        await this.#shut()
        wipe(root)
      }
    })
  }

  /** Takes one share. */
  async unseal(share: Uint8Array): Promise<void> {
    await this.#turnstile.run(async () => {
      if (this.#open) return
      const record = await this.record()
      if (!record) throw refuse('Vault is not initialized')
      checkShareSize(share)
      this.#quorum ??= new Quorum(record.threshold, this.#parts.uuid())
      const shares = this.#quorum.add(share)
      if (!shares) return
      this.#quorum = undefined
      try {
        await this.#enter(record, shares)
      } finally {
        wipe(...shares)
      }
    })
  }

  /** Forgets the shares given so far. */
  async resetUnseal(): Promise<void> {
    await this.#turnstile.run(async () => {
      if (this.#open) throw refuse('vault is unsealed')
      this.#quorum?.reset()
      this.#quorum = undefined
    })
  }

  /** Closes everything and wipes the keys. Sealed already is fine. */
  async seal(): Promise<void> {
    await this.#turnstile.run(async () => {
      if (!this.#open) return
      await this.#shut()
      this.#parts.log.info('sealed')
    })
  }

  /** Whether these shares are a threshold of the present ones. Inside `exclusively`. */
  async fits(shares: readonly Uint8Array[]): Promise<boolean> {
    const record = await this.record()
    const keys = record && (await this.#parts.seal.combine(record, shares))
    if (!keys) return false
    const good = await this.#parts.barrier.isRoot(keys.root)
    wipe(keys.root, keys.unsealKey)
    return good
  }

  /** Shares of a fresh unseal key. They open nothing until `adopt`. */
  async split(shares: number, threshold: number): Promise<Protected> {
    const placeholder = this.#parts.random(32)
    const made = await this.#parts.seal.protect(placeholder, shares, threshold)
    wipe(placeholder)
    return made
  }

  /**
   * Puts a seal made by `split` in place of the present one, together with a new root key: the old shares and an old copy of
   * the seal record must not open a later copy of the keyring. Inside `exclusively`.
   *
   * - `unfit`: `shares` are not a threshold of the new ones; nothing has changed.
   * - `unknown`: the storage failed without telling whether it wrote. The server has sealed itself; either the old shares open
   *   it or the new ones do, so nobody may throw any away.
   * @throws Fault unavailable when nothing was changed.
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
      if (!record || !this.#unsealKey) throw new Fault('sealed', 'Vault is sealed', { bare: true })
      if ((await this.#reroot(record, this.#unsealKey)) === 'unknown')
        throw new Fault(
          'unavailable',
          'the storage did not tell whether it took the new root key, so the server sealed itself; unseal it with the same shares',
        )
    })
  }

  async createRootToken(): Promise<string> {
    return this.#parts.life.createRootToken()
  }

  /**
   * A fresh root key under `unsealKey`, in one commit with the seal record. A try whose outcome is unknown is repeated: done
   * twice it is the same, and it is guarded by the keyring's revision. While that is not settled the barrier would go on with
   * a root key that may be the old one and could write the keyring under it, which nobody could open any more: hence sealed.
   */
  async #reroot(record: SealRecord, unsealKey: Uint8Array): Promise<'done' | 'unknown'> {
    const { barrier, seal, random, clock, log } = this.#parts
    const root = random(32)
    const op = seal.rewrap(record, unsealKey, root)
    let unknown = false
    try {
      for (let left = settling.tries; left > 0; left--) {
        try {
          await barrier.reroot(root, [op])
          return 'done'
        } catch (thrown) {
          unknown ||= isAmbiguous(thrown)
          if (!unknown) throw thrown
          await new Promise<void>((resolve) => clock.after(settling.wait, resolve))
        }
      }
    } finally {
      wipe(root)
      this.#record = undefined
    }
    log.error('the storage does not tell whether it took the new root key; sealing')
    await this.#shut()
    return 'unknown'
  }

  /** Sealed, whatever fails on the way. */
  async #shut(): Promise<void> {
    const { barrier, life, log } = this.#parts
    this.#open = false
    try {
      await life.close()
    } catch (thrown) {
      log.error('closing failed; the keys are wiped all the same', reason(thrown))
    } finally {
      barrier.seal()
      if (this.#unsealKey) wipe(this.#unsealKey)
      this.#unsealKey = undefined
    }
  }

  /** Removes a seal and keyring that were made a moment ago, if they are there and are these. */
  async #undo(made: Protected): Promise<void> {
    const { storage, log } = this.#parts
    this.#record = undefined
    try {
      const [seal, keyring] = await storage.get([plainKeys.seal, plainKeys.keyring])
      if (!seal || !keyring || !('value' in made.op) || !sameBytes(seal.value, made.op.value)) return
      await storage.commit({
        expect: [seal, keyring].map(({ key, rev }) => ({ key, rev })),
        ops: [{ del: plainKeys.seal }, { del: plainKeys.keyring }],
      })
    } catch (thrown) {
      log.error(
        'initialising failed half-way and could not be undone: empty the storage and do it again',
        reason(thrown),
      )
    }
  }

  async #enter(record: SealRecord, shares: readonly Uint8Array[]): Promise<void> {
    const { barrier, seal, life, log } = this.#parts
    const keys = await seal.combine(record, shares)
    try {
      if (!keys || !(await barrier.unseal(keys.root)))
        throw refuse(
          'Unseal failed, invalid key: the shares given do not open this server; begin again with the first one',
        )
      await life.open()
    } catch (thrown) {
      if (keys) wipe(keys.unsealKey)
      if (barrier.sealed) throw thrown
      await this.#shut()
      log.error('the server could not be opened; it stays sealed', reason(thrown))
      throw new Fault('internal', 'the key was right, but the server could not be opened; see its log', {
        cause: thrown,
      })
    } finally {
      if (keys) wipe(keys.root)
    }
    this.#unsealKey = keys.unsealKey
    this.#open = true
    log.info('unsealed')
  }
}

const isAmbiguous = (thrown: unknown): boolean =>
  thrown instanceof Fault && thrown.details.cause instanceof AmbiguousCommit

const reason = (thrown: unknown): { readonly error: string } => ({
  error: thrown instanceof Error ? thrown.message : 'unknown',
})
