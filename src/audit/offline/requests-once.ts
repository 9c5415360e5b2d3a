/** A number for the UUID of a request: of two among ten million one pair is alike once in a hundred reports. */
function numberOf(id: string): number | undefined {
  const digits = /^([0-9a-f]{8})-(?:[0-9a-f]{4}-){3}[0-9a-f]{7}([0-9a-f]{5})$/.exec(id)
  return digits ? parseInt(`${digits[1]}${digits[2]}`, 16) : undefined
}

/**
 * Detects requests that an earlier log has as well: every device of a server writes all of them. Logs come one after the other.
 * Takes eight bytes for each request. Requests that one log has twice, and those without an id, are never left out.
 */
export class RequestsOnce {
  #log = -1
  /** Of the logs before, sorted. */
  #earlier = new Float64Array(0)
  #own = new Float64Array(1024)
  #count = 0
  /** How many were left out. */
  repeated = 0

  /** Whether no log before had it. @param log its number: it only rises */
  isNew(log: number, id: string): boolean {
    if (log !== this.#log) this.#nextLog(log)
    const number = numberOf(id)
    if (number === undefined) return true
    if (this.#isEarlier(number)) {
      this.repeated++
      return false
    }
    if (this.#count === this.#own.length) this.#own = joined(this.#own, new Float64Array(this.#count))
    this.#own[this.#count++] = number
    return true
  }

  #nextLog(log: number): void {
    this.#log = log
    this.#earlier = joined(this.#earlier, this.#own.subarray(0, this.#count)).sort()
    this.#count = 0
  }

  #isEarlier(number: number): boolean {
    let [low, high] = [0, this.#earlier.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#earlier[middle] as number) < number) low = middle + 1
      else high = middle
    }
    return this.#earlier[low] === number
  }
}

function joined(first: Float64Array, second: Float64Array): Float64Array<ArrayBuffer> {
  const both = new Float64Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
