import { provenWrap } from '../../contract/seal.ts'
import type { AutoSeal, WrappedKey } from '../../contract/seal.ts'
import { wipe } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import { whyOf } from '../telemetry/events.ts'
import type { Events } from '../telemetry/events.ts'

/** Milliseconds between two checks of a seal that works, and of one that does not (as in Vault). */
const intervals = { healthy: 10 * 60_000, unhealthy: 60_000 } as const

/** What is known of a seal. */
export interface SealState {
  readonly name: string
  readonly type: string
  /** It has encrypted and decrypted at its last check, also the unseal key if the server was unsealed. */
  readonly healthy: boolean
  /** When it was first found not to work, or not checked yet: epoch milliseconds; absent while it works. */
  readonly unhealthySince?: number
  /** How long its last check took, milliseconds; absent before the first. */
  readonly checkTime?: number
}

interface Watched {
  readonly seal: AutoSeal
  state: SealState
  timer?: { cancel(): void }
}

interface SealHealthParts {
  readonly seals: readonly AutoSeal[]
  /** The unseal key of the storage as the seal of this name has encrypted it; undefined while the server is sealed. */
  readonly stored: (seal: string) => Promise<WrappedKey | undefined>
  readonly random: (bytes: number) => Uint8Array
  readonly clock: Clock
  readonly events: Events
}

/**
 * Whether the seals of the configuration would unseal the server now. Nobody asks them between two starts otherwise, and an HSM
 * that is lost would be noticed when it is too late to change the seal.
 */
export class SealHealth {
  readonly #parts: SealHealthParts
  readonly #watched: readonly Watched[]
  #state: 'new' | 'running' | 'stopped' = 'new'

  constructor(parts: SealHealthParts) {
    this.#parts = parts
    const since = parts.clock.now()
    this.#watched = parts.seals
      .filter(({ disabled }) => !disabled)
      .map((seal) => ({ seal, state: { name: seal.name, type: seal.type, healthy: false, unhealthySince: since } }))
  }

  /** Key shares are a seal that needs no check. */
  get states(): readonly SealState[] {
    if (this.#watched.length === 0) return [{ name: 'shamir', type: 'shamir', healthy: true }]
    return this.#watched.map(({ state }) => state)
  }

  /** Checks each seal now, and again from time to time. Nothing happens once it was stopped. */
  start(): void {
    if (this.#state !== 'new') return
    this.#state = 'running'
    for (const watched of this.#watched) void this.#check(watched)
  }

  stop(): void {
    this.#state = 'stopped'
    for (const { timer } of this.#watched) timer?.cancel()
  }

  async #check(watched: Watched): Promise<void> {
    const { clock } = this.#parts
    const begun = clock.now()
    const why = await this.#failure(watched.seal)
    if (this.#state === 'stopped') return
    this.#note(watched, why, clock.now() - begun)
    const interval = why === undefined ? intervals.healthy : intervals.unhealthy
    watched.timer = clock.after(interval, () => void this.#check(watched))
  }

  /** Why a random value does not come back from the seal, or it does not decrypt the unseal key; undefined: it does both. */
  async #failure(seal: AutoSeal): Promise<string | undefined> {
    const value = this.#parts.random(32)
    try {
      await provenWrap(seal, value)
      return await this.#failureOfStored(seal)
    } catch (thrown) {
      return whyOf(thrown)
    } finally {
      wipe(value)
    }
  }

  /** A key that was rotated too far, or replaced under its name, encrypts and decrypts all but what matters. */
  async #failureOfStored(seal: AutoSeal): Promise<string | undefined> {
    const stored = await this.#parts.stored(seal.name)
    if (!stored) return undefined
    try {
      wipe(await seal.unwrap(stored))
      return undefined
    } catch (thrown) {
      return `it does not decrypt the unseal key of the storage any more: ${whyOf(thrown)}`
    }
  }

  /** Tells the log of every change, and of a seal that does not work at its first check. */
  #note(watched: Watched, why: string | undefined, checkTime: number): void {
    const { clock, events } = this.#parts
    const { name, type, healthy: before, unhealthySince: since, checkTime: earlier } = watched.state
    const isFirst = earlier === undefined
    if (why === undefined) {
      watched.state = { name, type, healthy: true, checkTime }
      if (!before && !isFirst) events.tell('seal_healthy', { name, type })
    } else {
      watched.state = { name, type, healthy: false, unhealthySince: since ?? clock.now(), checkTime }
      if (before || isFirst) events.tell('seal_unhealthy', { name, type, why })
    }
  }
}
