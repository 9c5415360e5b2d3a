import type { Login, FormedResponse } from '../../contract/response.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import { recent } from '../../util/caches/recent.ts'
import type { Clock } from '../../util/clock.ts'
import type { Decision } from '../request/decision/decision.ts'

/** How long a login waits for its second factor, milliseconds. */
const lifetime = 5 * 60_000

/** The most waiting logins, of one entity and of all; the oldest is dropped for a new one. */
const most = { ofEntity: 10, all: 10_000 }

/** A login whose first factor is proven. The request is without its parameters, headers and credential. */
export interface PendingLogin {
  readonly decision: Decision
  readonly response: FormedResponse & { readonly login: Login }
  readonly namespace: NamespaceId
  readonly mount: string
  readonly entity: string
}

/** Logins that wait for their second factor: in memory, for this process only. A seal cancels them. */
export class PendingLogins {
  readonly #clock: Pick<Clock, 'now'>
  readonly #uuid: () => string
  readonly #waiting = recent<string, PendingLogin & { readonly until: number }>(most.all)

  constructor(clock: Pick<Clock, 'now'>, uuid: () => string) {
    this.#clock = clock
    this.#uuid = uuid
  }

  /** Stores a waiting login. @returns the id to continue it: it represents the first factor */
  add(login: PendingLogin): string {
    this.#makeRoom(login.entity)
    const id = this.#uuid()
    const { decision } = login
    const request = { ...decision.request, data: {}, headers: {}, credential: { kind: 'none' } } as const
    this.#waiting.set(id, { ...login, decision: { ...decision, request }, until: this.#clock.now() + lifetime })
    return id
  }

  /** The login of an id; undefined when none waits, or not any more. */
  get(id: string): PendingLogin | undefined {
    const found = this.#waiting.peek(id)
    if (found && this.#clock.now() < found.until) return found
    this.#waiting.delete(id)
    return undefined
  }

  /** Ends the waiting: true for the first caller. */
  claim(id: string): boolean {
    return this.get(id) !== undefined && this.#waiting.delete(id)
  }

  #makeRoom(entity: string): void {
    // From the newest on.
    const own = [...this.#waiting.entries()].filter(([, login]) => login.entity === entity).map(([id]) => id)
    for (const id of own.slice(most.ofEntity - 1)) this.#waiting.delete(id)
  }
}
