import { Fault } from '../../../contract/fault.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { ProviderError } from './provider.ts'
import type { TokenHeader, VerificationKey } from '../token.ts'

/** How long keys are used without asking for them again; and how long when the provider does not respond. Milliseconds. */
const freshFor = 5 * 60_000
const usableFor = 60 * 60_000

/** The shortest time between two requests: with keys at hand, and without. Milliseconds. */
const pauseWithKeys = 10_000
const pauseWithout = 1000

interface Fetched {
  readonly keys: readonly VerificationKey[]
  readonly at: number
}

/** The parts that it is made of. */
export interface RemoteKeysParts {
  readonly clock: Clock
  readonly log: Log
  /** Fetches the keys. @throws ProviderError */
  readonly fetch: () => Promise<readonly VerificationKey[]>
}

/**
 * The keys of an issuer, fetched when they are needed: at first, when they are older than five minutes, and when a token has
 * an unknown key id. One request at a time, whoever waits for it; strangers with made-up key ids cause one each ten seconds.
 * A failure changes no keys.
 */
export class RemoteKeys {
  readonly #parts: RemoteKeysParts
  #fetched: Fetched | undefined
  #running: Promise<void> | undefined
  #askedAt = -Infinity

  constructor(parts: RemoteKeysParts) {
    this.#parts = parts
  }

  /** The keys to try for a header. @throws Fault unavailable when the provider sends none */
  async keysFor({ kid }: TokenHeader): Promise<readonly VerificationKey[]> {
    const matching = (): readonly VerificationKey[] =>
      (this.#fetched?.keys ?? []).filter((key) => kid === undefined || key.kid === kid)
    if (this.#age() > freshFor) await this.#refresh()
    if (this.#age() > usableFor)
      throw new Fault('unavailable', 'the keys of the issuer cannot be fetched now: try again; the log of the server says why') // prettier-ignore
    if (matching().length === 0) await this.#refresh()
    return matching()
  }

  #age(): number {
    return this.#fetched ? this.#parts.clock.now() - this.#fetched.at : Infinity
  }

  async #refresh(): Promise<void> {
    const { clock } = this.#parts
    const pause = this.#fetched ? pauseWithKeys : pauseWithout
    if (!this.#running && clock.now() - this.#askedAt >= pause) {
      this.#askedAt = clock.now()
      this.#running = this.#fetch().finally(() => (this.#running = undefined))
    }
    await this.#running
  }

  async #fetch(): Promise<void> {
    const { clock, log, fetch } = this.#parts
    try {
      const at = clock.now()
      this.#fetched = { keys: await fetch(), at }
    } catch (thrown) {
      if (!(thrown instanceof ProviderError)) throw thrown
      log.warn('the keys of an issuer of JWTs could not be fetched', { why: thrown.message })
    }
  }
}
