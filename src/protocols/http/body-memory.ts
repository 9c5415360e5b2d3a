/** A body that is being read. */
export interface BodyReader {
  /** Takes no more from the connection until `resume`. */
  pause(): void
  resume(): void
  /** Ends it: others have waited too long for it. */
  refuse(): void
}

interface Place {
  readonly reader: BodyReader
  size: number
  /** When it began to wait, or to go on: numbers that only rise. */
  turn: number
  waiting?: NodeJS.Timeout
  /** It has come whole, and is worked on. */
  whole?: true
}

/** Bytes, and milliseconds. */
export interface BodyMemoryLimits {
  /** Of all unfinished bodies together; one of them may go beyond. */
  readonly most: number
  /** A body of so many never waits. */
  readonly small: number
  /** How long one body may keep others waiting. */
  readonly patience: number
}

const usual: BodyMemoryLimits = { most: 16 * 1024 * 1024, small: 64 * 1024, patience: 10_000 }

/**
 * How much of bodies is held at once, of large ones until they are answered, whoever sends them and on however many connections. When it is full, large
 * bodies wait for those that are under way: at least one always goes on, and none for longer than others can be asked to wait.
 */
export class BodyMemory {
  readonly #limits: BodyMemoryLimits
  readonly #places = new Map<BodyReader, Place>()
  /** Places of large bodies, the oldest first. */
  readonly #large = new Set<Place>()
  #held = 0
  #running = 0
  #turn = 0

  constructor(limits: BodyMemoryLimits = usual) {
    this.#limits = limits
  }

  /** So many more bytes of a body have come. */
  take(reader: BodyReader, bytes: number): void {
    const place = this.#places.get(reader) ?? { reader, size: 0, turn: 0 }
    this.#places.set(reader, place)
    place.size += bytes
    this.#held += bytes
    if (place.size <= this.#limits.small) return
    if (!this.#large.has(place)) {
      this.#large.add(place)
      place.turn = ++this.#turn
      this.#running++
    }
    if (this.#held > this.#limits.most && this.#running > 1 && !place.waiting) this.#wait(place)
  }

  /** A body has come whole. True when it is large: then it counts until it leaves, since what is made of it takes memory, too. */
  keep(reader: BodyReader): boolean {
    const place = this.#places.get(reader)
    if (place && this.#large.has(place)) return (place.whole = true)
    this.leave(reader)
    return false
  }

  /** A body is no longer needed, or is read no further. */
  leave(reader: BodyReader): void {
    const place = this.#places.get(reader)
    if (!place) return
    this.#places.delete(reader)
    this.#held -= place.size
    if (!this.#large.delete(place)) return
    if (place.waiting) clearTimeout(place.waiting)
    else this.#running--
    for (const next of this.#large) {
      if (this.#held > this.#limits.most && this.#running > 0) break
      if (next.waiting) this.#goOn(next)
    }
  }

  #wait(place: Place): void {
    this.#running--
    place.turn = ++this.#turn
    place.waiting = setTimeout(() => this.#hurry(place.turn), this.#limits.patience)
    place.reader.pause()
  }

  #goOn(place: Place): void {
    clearTimeout(place.waiting)
    delete place.waiting
    place.turn = ++this.#turn
    this.#running++
    place.reader.resume()
  }

  /** Refuses all that have been under way since before somebody began to wait. */
  #hurry(turn: number): void {
    for (const place of this.#large) if (!place.waiting && !place.whole && place.turn < turn) place.reader.refuse()
  }
}
