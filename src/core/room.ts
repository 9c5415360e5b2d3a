import type { Barrier } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Seal, SealRecord } from '../contract/seal.ts'
import type { Storage } from '../contract/storage.ts'
import { wipe } from '../util/bytes.ts'
import type { Log } from '../util/log.ts'
import { Turnstile } from '../util/once.ts'
import { Quorum } from './quorum.ts'

/** What happens around opening and closing; the core's own affair. */
export interface Life {
  /** After unseal: everything that lives only while open. */
  open(): Promise<void>
  /** Before seal. */
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

/** What init gives the operators, once. */
export interface Initialised {
  readonly shares: readonly Uint8Array[]
  readonly rootToken: string
}

/** The states of the server: uninitialised → sealed → open → sealed. One change at a time. */
export class Room {
  readonly #parts: RoomParts
  readonly #turnstile = new Turnstile()
  #record: SealRecord | undefined
  #quorum: Quorum | undefined
  #unsealKey: Uint8Array | undefined
  #open = false

  constructor(parts: RoomParts) {
    this.#parts = parts
  }

  get isOpen(): boolean {
    return this.#open
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

  /** Makes root key, keyring, shares and the first root token; stays sealed. @throws Fault when it was done before. */
  async initialise(shares: number, threshold: number): Promise<Initialised> {
    return this.#turnstile.run(async () => {
      const { barrier, seal, random, life } = this.#parts
      if (await this.record()) throw refuse('Vault is already initialized')
      const root = random(32)
      const made = await seal.protect(root, shares, threshold)
      await barrier.initialise(root, [made.op])
      this.#record = made.record
      await barrier.unseal(root)
      wipe(root)
      try {
        await life.open()
        return { shares: made.shares, rootToken: await life.createRootToken() }
      } finally {
        await life.close()
        barrier.seal()
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
      this.#open = false
      await this.#parts.life.close()
      this.#parts.barrier.seal()
      if (this.#unsealKey) wipe(this.#unsealKey)
      this.#unsealKey = undefined
      this.#parts.log.info('sealed')
    })
  }

  /** Checks a threshold of shares against the present seal. */
  async fits(shares: readonly Uint8Array[]): Promise<boolean> {
    const record = await this.record()
    const keys = record && (await this.#parts.seal.combine(record, shares))
    if (!keys) return false
    const good = await this.#parts.barrier.isRoot(keys.root)
    wipe(keys.root, keys.unsealKey)
    return good
  }

  /** New shares of a new unseal key; they count only after `adopt`. The root key stays. */
  async reshare(
    shares: readonly Uint8Array[],
    count: number,
    threshold: number,
  ): Promise<{ readonly shares: readonly Uint8Array[]; readonly adopt: () => Promise<void> }> {
    const record = await this.record()
    const keys = record && (await this.#parts.seal.combine(record, shares))
    if (!keys) throw refuse('rekey failed: the shares do not open the seal')
    const made = await this.#parts.seal.protect(keys.root, count, threshold)
    wipe(keys.unsealKey)
    const adopt = async (): Promise<void> => {
      // The root key stays; the keyring is written with it so that both change in one commit.
      await this.#parts.barrier.reroot(keys.root, [made.op])
      this.#record = made.record
      const again = await this.#parts.seal.combine(made.record, made.shares.slice(0, threshold))
      if (again) {
        if (this.#unsealKey) wipe(this.#unsealKey)
        this.#unsealKey = again.unsealKey
        wipe(again.root)
      }
      wipe(keys.root)
    }
    return { shares: made.shares, adopt }
  }

  /** A new root key under the same shares. */
  async rotateRoot(): Promise<void> {
    await this.#turnstile.run(async () => {
      const record = await this.record()
      if (!record || !this.#unsealKey) throw new Fault('sealed', 'Vault is sealed', { bare: true })
      const root = this.#parts.random(32)
      await this.#parts.barrier.reroot(root, [this.#parts.seal.rewrap(record, this.#unsealKey, root)])
      wipe(root)
      this.#record = undefined
    })
  }

  async createRootToken(): Promise<string> {
    return this.#parts.life.createRootToken()
  }

  async #enter(record: SealRecord, shares: readonly Uint8Array[]): Promise<void> {
    const { barrier, seal, life, log } = this.#parts
    const keys = await seal.combine(record, shares)
    if (!keys || !(await barrier.unseal(keys.root))) {
      throw refuse(
        'Unseal failed, invalid key: the shares given do not open this server; begin again with the first one',
      )
    }
    wipe(keys.root)
    try {
      await life.open()
    } catch (cause) {
      barrier.seal()
      log.error('the server could not be opened; it stays sealed', {
        error: cause instanceof Error ? cause.message : 'unknown',
      })
      throw new Fault('internal', 'the key was right, but the server could not be opened; see its log', { cause })
    }
    this.#unsealKey = keys.unsealKey
    this.#open = true
    log.info('unsealed')
  }
}

/** @throws Fault invalid_request for a share that cannot be one. */
export function checkShareSize(share: Uint8Array): void {
  if (share.length < 16) throw refuse(`key is shorter than minimum 16 bytes`)
  if (share.length > 33) throw refuse(`key is longer than maximum 33 bytes`)
}
