import { recent } from '../../util/caches/recent.ts'

/** The number of requests of a client. Times in seconds. */
export interface Rate {
  /** Requests in one interval; rounded, at least one. */
  readonly rate: number
  readonly interval: number
  /** The time for which a client over the limit is refused; 0: until the next interval. */
  readonly blockInterval: number
}

/** The result for one request. `retryAfter` in whole seconds; the others are unknown while a client is blocked. */
export interface Taken {
  readonly allowed: boolean
  readonly retryAfter: number
  readonly window?: { readonly limit: number; readonly remaining: number; readonly reset: number }
}

interface Bucket {
  began: number
  left: number
  blockedAt?: number
}

/** So many clients are remembered at most. One that is forgotten begins anew. */
const clients = 50_000

/** Counts the requests of each client in intervals that begin with its first one. Times in milliseconds. */
export class RateLimiter {
  readonly #limit: number
  readonly #interval: number
  readonly #block: number
  readonly #buckets = recent<string, Bucket>(clients)

  constructor({ rate, interval, blockInterval }: Rate) {
    this.#limit = Math.max(1, Math.round(rate))
    this.#interval = interval * 1000
    this.#block = blockInterval * 1000
  }

  take(address: string, now: number): Taken {
    const bucket = this.#bucket(clientOf(address), now)
    const blocked = bucket.blockedAt === undefined ? 0 : bucket.blockedAt + this.#block - now
    if (blocked > 0) return { allowed: false, retryAfter: Math.ceil(blocked / 1000) }
    delete bucket.blockedAt
    const allowed = bucket.left > 0
    if (allowed) bucket.left--
    else if (this.#block > 0) bucket.blockedAt = now
    const reset = Math.ceil((bucket.began + this.#interval - now) / 1000)
    return {
      allowed,
      retryAfter: !allowed && this.#block > 0 ? Math.ceil(this.#block / 1000) : reset,
      window: { limit: this.#limit, remaining: bucket.left, reset },
    }
  }

  /** Whether `take` would refuse a request now. Counts nothing. */
  isUsedUp(address: string, now: number): boolean {
    const bucket = this.#buckets.get(clientOf(address))
    if (!bucket || now < bucket.began) return false
    if (bucket.blockedAt !== undefined && bucket.blockedAt + this.#block > now) return true
    return bucket.left === 0 && now < bucket.began + this.#interval
  }

  #bucket(client: string, now: number): Bucket {
    const bucket = this.#buckets.get(client)
    // A clock that was set back must not block clients.
    if (bucket && now >= bucket.began) {
      const passed = Math.floor((now - bucket.began) / this.#interval)
      if (passed > 0) bucket.left = this.#limit
      bucket.began += passed * this.#interval
      return bucket
    }
    const fresh: Bucket = { began: now, left: this.#limit }
    this.#buckets.set(client, fresh)
    return fresh
  }
}

/** A client with one IPv6 address usually has its whole /64 (RFC 6177), which counts as one client. */
function clientOf(address: string): string {
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill('0'), ...(tail ? tail.split(':') : [])]
  return all.slice(0, 4).join(':')
}
