import { refuse } from '../contract/fault.ts'
import { wipe } from '../util/bytes.ts'
import { Quorum, checkNonce } from './quorum.ts'
import { checkShareSize } from './room.ts'
import type { Room } from './room.ts'

/** What the new split is to be. */
export interface RekeyWish {
  readonly shares: number
  readonly threshold: number
  readonly verify: boolean
}

/** How far a rekey is. */
export interface RekeyStatus {
  readonly started: boolean
  readonly nonce: string
  readonly shares: number
  readonly threshold: number
  readonly progress: number
  readonly required: number
  readonly verify: boolean
  readonly verificationNonce: string
  readonly verificationProgress: number
}

/** New shares, handed out once. */
export interface NewShares {
  readonly nonce: string
  readonly shares: readonly Uint8Array[]
  readonly verify: boolean
  readonly verificationNonce: string
}

interface Pending {
  readonly shares: readonly Uint8Array[]
  readonly adopt: () => Promise<void>
  quorum: Quorum
}

interface Running extends RekeyWish {
  readonly nonce: string
  quorum: Quorum
  pending?: Pending
}

/** What a rekey needs of the room. */
type RekeyRoom = Pick<Room, 'record' | 'fits' | 'reshare' | 'isOpen'>

/** New unseal shares from a threshold of the old ones, optionally only after enough of the new ones were given back. Lost at seal. */
export class Rekey {
  readonly #room: RekeyRoom
  readonly #uuid: () => string
  #running: Running | undefined

  constructor(room: RekeyRoom, uuid: () => string) {
    this.#room = room
    this.#uuid = uuid
  }

  async status(): Promise<RekeyStatus> {
    const required = (await this.#room.record())?.threshold ?? 0
    const running = this.#running
    return {
      started: running !== undefined,
      nonce: running?.nonce ?? '',
      shares: running?.shares ?? 0,
      threshold: running?.threshold ?? 0,
      progress: running?.quorum.progress ?? 0,
      required,
      verify: running?.verify ?? false,
      verificationNonce: running?.pending?.quorum.nonce ?? '',
      verificationProgress: running?.pending?.quorum.progress ?? 0,
    }
  }

  async start(wish: RekeyWish, busy: string): Promise<void> {
    const required = (await this.#room.record())?.threshold ?? 0
    if (this.#running) throw refuse(busy)
    const nonce = this.#uuid()
    this.#running = { ...wish, nonce, quorum: new Quorum(required, nonce) }
  }

  cancel(): void {
    const running = this.#running
    this.#running = undefined
    running?.quorum.reset()
    if (running?.pending) wipe(...running.pending.shares)
  }

  /** Takes one old share. Gives the new ones when there are enough. */
  async update(share: Uint8Array, nonce: string, idle: string): Promise<NewShares | undefined> {
    const running = this.#running
    if (!running) throw refuse(idle)
    checkNonce(running.nonce, nonce)
    checkShareSize(share)
    if (running.pending) throw refuse('the new shares are made already: give them back to sys/…/verify, or cancel')
    const shares = running.quorum.add(share)
    if (shares === false) throw refuse('given key has already been provided during this generation operation')
    if (!shares) return undefined
    running.quorum = new Quorum(running.quorum.threshold, running.nonce)
    return this.#finish(running, shares)
  }

  /** Takes one new share back. True when the new shares count from now on. */
  async verify(share: Uint8Array, nonce: string): Promise<{ readonly complete: boolean; readonly nonce: string }> {
    const running = this.#running
    if (!running?.pending) throw refuse('no rekey verification in progress')
    const { pending } = running
    checkNonce(pending.quorum.nonce, nonce)
    checkShareSize(share)
    const given = pending.quorum.add(share)
    if (given === false) throw refuse('given key has already been provided during this verify operation')
    if (!given) return { complete: false, nonce: pending.quorum.nonce }
    const known = given.every((one) => pending.shares.some((other) => Buffer.compare(one, other) === 0))
    wipe(...given)
    if (!known) {
      this.restartVerification()
      throw refuse('the shares given are not the new ones; the verification begins again with a new nonce')
    }
    await pending.adopt()
    this.cancel()
    return { complete: true, nonce: pending.quorum.nonce }
  }

  /** The verification begins again, with another nonce. */
  restartVerification(): void {
    const pending = this.#running?.pending
    if (!pending) return
    pending.quorum.reset()
    pending.quorum = new Quorum(pending.quorum.threshold, this.#uuid())
  }

  async #finish(running: Running, shares: readonly Uint8Array[]): Promise<NewShares> {
    try {
      const { shares: fresh, adopt } = await this.#room.reshare(shares, running.shares, running.threshold)
      if (running !== this.#running) throw refuse('the rekey was cancelled meanwhile')
      if (running.verify) {
        running.pending = {
          shares: fresh.map((share) => Uint8Array.from(share)),
          adopt,
          quorum: new Quorum(running.threshold, this.#uuid()),
        }
        return { nonce: running.nonce, shares: fresh, verify: true, verificationNonce: running.pending.quorum.nonce }
      }
      await adopt()
      this.#running = undefined
      return { nonce: running.nonce, shares: fresh, verify: false, verificationNonce: '' }
    } finally {
      wipe(...shares)
    }
  }
}
