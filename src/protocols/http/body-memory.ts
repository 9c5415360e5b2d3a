/** A request that holds memory: its body, and then its response. */
export interface MemoryHolder {
  /** Pauses reading from the connection until `resume`. */
  pause(): void
  resume(): void
  /** Refuses the request: there is no memory for it, or others have waited too long for it. */
  refuse(): void
}

interface Place {
  readonly holder: MemoryHolder
  size: number
  /** When it began to wait, to go on or to be answered: numbers that only rise. */
  turn: number
  waiting?: NodeJS.Timeout
  /** The server works on it: it does not wait for its client. */
  working?: true
}

/** Bytes, and milliseconds. */
export interface BodyMemoryLimits {
  /** Of all requests that go on; one of them may go beyond. */
  readonly most: number
  /** Including those that wait: further requests are refused. */
  readonly mostWithWaiting: number
  /** A body or response of so many never waits. */
  readonly small: number
  /** How long one client may keep others waiting. */
  readonly patience: number
}

/** How often a request waits for the time limit of others, before it is refused. */
const mostRounds = 5

const mebibyte = 1024 * 1024
const usual: BodyMemoryLimits = {
  most: 16 * mebibyte,
  mostWithWaiting: 64 * mebibyte,
  small: 64 * 1024,
  patience: 10_000,
}

/**
 * Limits the memory of bodies and large responses, for all clients and connections together. A large body counts until its
 * response was sent, because values derived from it take memory in proportion. When the limit is reached, large requests
 * wait for those in progress: at least one always continues, and no client may keep others waiting for longer than
 * `patience`.
 */
export class BodyMemory {
  readonly #limits: BodyMemoryLimits
  readonly #places = new Map<MemoryHolder, Place>()
  /** Places of large requests, the oldest first. */
  readonly #large = new Set<Place>()
  #held = 0
  #running = 0
  #turn = 0

  constructor(limits: BodyMemoryLimits = usual) {
    this.#limits = limits
  }

  /** Adds received bytes. The holder is paused while there is no memory for them, and refused if too many wait. */
  take(holder: MemoryHolder, bytes: number): void {
    const place = this.#places.get(holder) ?? { holder, size: 0, turn: 0 }
    this.#places.set(holder, place)
    place.size += bytes
    this.#held += bytes
    if (this.#held > this.#limits.mostWithWaiting && this.#places.size > 1) return holder.refuse()
    if (place.size <= this.#limits.small) return
    if (!this.#large.has(place)) {
      this.#large.add(place)
      place.turn = ++this.#turn
      this.#running++
    }
    if (this.#held > this.#limits.most && this.#running > 1 && !place.waiting) this.#wait(place)
  }

  /** A body is complete. True if it is large: then it is counted until the response was sent. */
  work(holder: MemoryHolder): boolean {
    const place = this.#places.get(holder)
    if (place && this.#large.has(place)) return (place.working = true)
    this.leave(holder)
    return false
  }

  /** The response to a large request is being sent: its size replaces that of the body until it was sent. */
  respond(holder: MemoryHolder, bytes: number): void {
    const place = this.#places.get(holder)
    if (!place) return
    delete place.working
    place.turn = ++this.#turn
    this.#held += bytes - place.size
    place.size = bytes
    this.#goOn()
  }

  /** The memory of a request is no longer needed. */
  leave(holder: MemoryHolder): void {
    const place = this.#places.get(holder)
    if (!place) return
    this.#places.delete(holder)
    this.#held -= place.size
    if (!this.#large.delete(place)) return
    if (place.waiting) clearTimeout(place.waiting)
    else this.#running--
    this.#goOn()
  }

  #wait(place: Place): void {
    this.#running--
    this.#bePatient(place, mostRounds)
    place.holder.pause()
  }

  /** Clients that were slow for a whole round are refused for one that waits; after the last round it is refused itself. */
  #bePatient(place: Place, rounds: number): void {
    place.turn = ++this.#turn
    place.waiting = setTimeout(() => {
      if (rounds === 0) return place.holder.refuse()
      this.#hurry(place.turn)
      if (place.waiting) this.#bePatient(place, rounds - 1)
    }, this.#limits.patience)
  }

  #goOn(): void {
    for (const place of this.#large) {
      if (this.#held > this.#limits.most && this.#running > 0) break
      if (!place.waiting) continue
      clearTimeout(place.waiting)
      delete place.waiting
      place.turn = ++this.#turn
      this.#running++
      place.holder.resume()
    }
  }

  /** Refuses all requests whose clients have been slow since before another one began to wait. */
  #hurry(turn: number): void {
    for (const place of this.#large) if (!place.waiting && !place.working && place.turn < turn) place.holder.refuse()
  }
}
