import { Fault } from '../../contract/fault.ts'
import type { Clock } from '../../util/clock.ts'
import { whyOf } from '../telemetry/events.ts'
import type { Events } from '../telemetry/events.ts'
import type { SealManager } from './seal-manager.ts'

type Manager = Pick<SealManager, 'unsealAutomatically' | 'isUnsealed' | 'isAuto'>

/** Milliseconds between two attempts. */
const interval = 5000

/**
 * Unseals the server with the seals of its configuration: at the start, after its initialisation, and after it lost its storage,
 * until it succeeds. A server that an operator has sealed stays sealed until the next start, or until recovery shares unseal it.
 */
export class AutoUnseal {
  readonly #manager: Manager
  readonly #clock: Clock
  readonly #events: Events
  #timer: { cancel(): void } | undefined
  #isRunning = false
  #failure = ''

  constructor(manager: Manager, clock: Clock, events: Events) {
    this.#manager = manager
    this.#clock = clock
    this.#events = events
  }

  /** Begins to try, where the configuration has a seal for it. Resolves after the first attempt. */
  async start(): Promise<void> {
    if (!this.#manager.isAuto) return
    this.#isRunning = true
    await this.#attempt()
  }

  /** Tries no more. */
  stop(): void {
    this.#isRunning = false
    this.#timer?.cancel()
    this.#timer = undefined
  }

  async #attempt(): Promise<void> {
    try {
      if (!this.#manager.isUnsealed) await this.#manager.unsealAutomatically()
      this.#failure = ''
    } catch (thrown) {
      this.#report(thrown)
    }
    // Attempts may overlap, at the start and after an initialisation: one timer goes on.
    this.#timer?.cancel()
    if (this.#isRunning) this.#timer = this.#clock.after(interval, () => void this.#attempt())
  }

  /** Once for each reason: it is the same every few seconds. */
  #report(thrown: unknown): void {
    const why = whyOf(thrown)
    if (why === this.#failure) return
    this.#failure = why
    const isForOperators = thrown instanceof Fault && thrown.code === 'precondition_failed'
    // What only an operator can decide is the same at the next attempt.
    if (isForOperators) this.#isRunning = false
    this.#events.tell(isForOperators ? 'auto_unseal_stopped' : 'auto_unseal_failed', { why })
  }
}
