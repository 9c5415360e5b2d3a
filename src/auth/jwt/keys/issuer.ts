import { Fault } from '../../../contract/fault.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { ProviderError } from '../../../util/http/provider.ts'
import type { TokenHeader, VerificationKey } from '../../../crypto/jwt/token.ts'

/** How long something fetched is used without asking for it again; and how long when the provider does not respond. Milliseconds. */
const freshFor = 5 * 60_000
const usableFor = 60 * 60_000

/** The shortest time between two requests: with keys at hand, and without. Milliseconds. */
const pauseWithKeys = 10_000
const pauseWithout = 1000

/** The relevant members of a discovery document. */
export interface Discovery {
  readonly issuer: string
  readonly jwks_uri: string
  readonly authorization_endpoint?: string
  readonly token_endpoint?: string
  readonly userinfo_endpoint?: string
  /** Whether the token endpoint accepts the client's secret only in the form, not in a header. */
  readonly secretInForm: boolean
}

/** The published data of an issuer. */
export interface Published {
  readonly keys: readonly VerificationKey[]
  /** Absent when a key set is configured. */
  readonly discovery?: Discovery
}

/** Its dependencies. */
export interface IssuerParts {
  readonly clock: Clock
  readonly log: Log
  /** @throws ProviderError */
  readonly fetch: () => Promise<Published>
}

/**
 * The published data of an issuer, fetched on demand: at first, when it is older than five minutes, and when a token has an
 * unknown key id. All callers share one request at a time; tokens with forged key ids cause at most one in ten seconds. A failure
 * changes nothing.
 */
export class Issuer {
  readonly #parts: IssuerParts
  #latest: { readonly published: Published; readonly at: number } | undefined
  #running: Promise<void> | undefined
  #askedAt = -Infinity

  constructor(parts: IssuerParts) {
    this.#parts = parts
  }

  /** The keys to try for a header. @throws Fault unavailable when the provider sends none */
  async keysFor({ kid }: TokenHeader): Promise<readonly VerificationKey[]> {
    const matching = (keys: readonly VerificationKey[]): readonly VerificationKey[] =>
      keys.filter((key) => kid === undefined || key.kid === kid)
    const { keys } = await this.published()
    if (matching(keys).length > 0) return matching(keys)
    await this.#refresh()
    return matching((await this.published()).keys)
  }

  /** @throws Fault unavailable if the provider sends no usable data */
  async published(): Promise<Published> {
    if (this.#age() > freshFor) await this.#refresh()
    if (!this.#latest || this.#age() > usableFor)
      throw new Fault('unavailable', 'the keys of the issuer cannot be fetched now: try again; see the server log for the reason') // prettier-ignore
    return this.#latest.published
  }

  #age(): number {
    return this.#latest ? this.#parts.clock.now() - this.#latest.at : Infinity
  }

  async #refresh(): Promise<void> {
    const { clock } = this.#parts
    const pause = this.#latest ? pauseWithKeys : pauseWithout
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
      this.#latest = { published: await fetch(), at }
    } catch (thrown) {
      if (!(thrown instanceof ProviderError)) throw thrown
      log.warn('the keys of an issuer of JWTs could not be fetched', { why: thrown.message })
    }
  }
}
