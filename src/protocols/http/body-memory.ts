/** A request that holds memory: its body, and then its response. */
export interface MemoryHolder {
  /** Pauses reading from the connection until `resume`. */
  pause(): void
  resume(): void
  /** Refuses the request: there is no memory for it, or others have waited too long for it. */
  refuse(): void
}

interface Reservation {
  readonly holder: MemoryHolder
  size: number
  /** The order in which requests began to wait, to continue or to be sent: a counter. */
  order: number
  waiting?: NodeJS.Timeout
  /** The server works on it: it does not wait for its client. */
  working?: true
}

/** Bytes, and milliseconds. */
export interface BodyMemoryLimits {
  /** Of all requests in progress; one of them may exceed it. */
  readonly most: number
  /** Including those that wait: further requests are refused. */
  readonly mostWithWaiting: number
  /** A body or response of at most so many never waits. */
  readonly small: number
  /** How long one client may keep others waiting. */
  readonly roundMs: number
}

/** How often a request waits for the time limit of others, before it is refused. */
const mostRounds = 5

const mebibyte = 1024 * 1024
const usual: BodyMemoryLimits = {
  most: 16 * mebibyte,
  mostWithWaiting: 64 * mebibyte,
  small: 64 * 1024,
  roundMs: 10_000,
}

/**
 * Limits the memory of bodies and large responses, for all clients and connections together. A large body counts until its
 * response was sent, because values derived from it take memory in proportion. When the limit is reached, large requests
 * wait for those in progress: at least one always continues, and no client may keep others waiting for longer than
 * `roundMs`.
 */
export class BodyMemory {
  readonly #limits: BodyMemoryLimits
  readonly #reservations = new Map<MemoryHolder, Reservation>()
  /** Reservations of large requests, the oldest first. */
  readonly #large = new Set<Reservation>()
  #held = 0
  #running = 0
  #order = 0

  constructor(limits: BodyMemoryLimits = usual) {
    this.#limits = limits
  }

  /** Adds received bytes. The holder is paused while there is no memory for them, and refused if too many wait. */
  take(holder: MemoryHolder, bytes: number): void {
    const reservation = this.#reservations.get(holder) ?? { holder, size: 0, order: 0 }
    this.#reservations.set(holder, reservation)
    reservation.size += bytes
    this.#held += bytes
    if (this.#held > this.#limits.mostWithWaiting && this.#reservations.size > 1) return holder.refuse()
    if (reservation.size <= this.#limits.small) return
    if (!this.#large.has(reservation)) {
      this.#large.add(reservation)
      reservation.order = ++this.#order
      this.#running++
    }
    if (this.#held > this.#limits.most && this.#running > 1 && !reservation.waiting) this.#wait(reservation)
  }

  /** A body is complete. True if it is large: then it is counted until the response was sent. */
  work(holder: MemoryHolder): boolean {
    const reservation = this.#reservations.get(holder)
    if (reservation && this.#large.has(reservation)) return (reservation.working = true)
    this.leave(holder)
    return false
  }

  /** The response to a large request is being sent: its size replaces that of the body until it was sent. */
  respond(holder: MemoryHolder, bytes: number): void {
    const reservation = this.#reservations.get(holder)
    if (!reservation) return
    delete reservation.working
    reservation.order = ++this.#order
    this.#held += bytes - reservation.size
    reservation.size = bytes
    this.#resumeWaiting()
  }

  /** The memory of a request is no longer needed. */
  leave(holder: MemoryHolder): void {
    const reservation = this.#reservations.get(holder)
    if (!reservation) return
    this.#reservations.delete(holder)
    this.#held -= reservation.size
    if (!this.#large.delete(reservation)) return
    if (reservation.waiting) clearTimeout(reservation.waiting)
    else this.#running--
    this.#resumeWaiting()
  }

  #wait(reservation: Reservation): void {
    this.#running--
    this.#waitRounds(reservation, mostRounds)
    reservation.holder.pause()
  }

  /** Clients that were slow for a whole round are refused for one that waits; after the last round it is refused itself. */
  #waitRounds(reservation: Reservation, rounds: number): void {
    reservation.order = ++this.#order
    reservation.waiting = setTimeout(() => {
      if (rounds === 0) return reservation.holder.refuse()
      this.#refuseSlower(reservation.order)
      if (reservation.waiting) this.#waitRounds(reservation, rounds - 1)
    }, this.#limits.roundMs)
  }

  #resumeWaiting(): void {
    for (const reservation of this.#large) {
      if (this.#held > this.#limits.most && this.#running > 0) break
      if (!reservation.waiting) continue
      clearTimeout(reservation.waiting)
      delete reservation.waiting
      reservation.order = ++this.#order
      this.#running++
      reservation.holder.resume()
    }
  }

  /** Refuses all requests whose clients have been slow since before another one began to wait. */
  #refuseSlower(order: number): void {
    for (const reservation of this.#large)
      if (!reservation.waiting && !reservation.working && reservation.order < order) reservation.holder.refuse()
  }
}
