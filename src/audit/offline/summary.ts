import type { Entry } from './entries.ts'

/** How often something occurs. */
export interface Count {
  readonly what: string
  readonly count: number
}

/** Counts of a report over many entries. */
export interface Summary {
  readonly requests: number
  readonly denied: number
  readonly failed: number
  readonly firstTime: string
  readonly lastTime: string
  /** Most often first. */
  readonly operations: readonly Count[]
  readonly paths: readonly Count[]
  readonly callers: readonly Count[]
  readonly addresses: readonly Count[]
  /** By day, oldest first. */
  readonly days: readonly Count[]
}

/** Further distinct values are counted together, to limit the memory of a report. */
const mostKeys = 50_000
const others = '(others)'

/** Counts entries in bounded memory. */
export class Summariser {
  #requests = 0
  #denied = 0
  #failed = 0
  #first = ''
  #last = ''
  readonly #counts = { operations: tally(), paths: tally(), callers: tally(), addresses: tally(), days: tally() }

  add(entry: Entry): void {
    const { operations, paths, callers, addresses, days } = this.#counts
    this.#requests++
    if (entry.result === 'denied') this.#denied++
    if (entry.result === 'failed') this.#failed++
    if (this.#first === '' || entry.time < this.#first) this.#first = entry.time
    if (entry.time > this.#last) this.#last = entry.time
    count(operations, entry.operation)
    count(paths, entry.path)
    count(callers, entry.name === '' ? '(no token)' : entry.name)
    count(addresses, entry.address)
    count(days, entry.time.slice(0, 10))
  }

  summary(): Summary {
    const { operations, paths, callers, addresses, days } = this.#counts
    return {
      requests: this.#requests,
      denied: this.#denied,
      failed: this.#failed,
      firstTime: this.#first,
      lastTime: this.#last,
      operations: ranked(operations),
      paths: ranked(paths),
      callers: ranked(callers),
      addresses: ranked(addresses),
      days: [...days].map(([what, sum]) => ({ what, count: sum })).sort((a, b) => (a.what < b.what ? -1 : 1)),
    }
  }
}

type Tally = Map<string, number>
const tally = (): Tally => new Map()

function count(counts: Tally, key: string): void {
  const counted = counts.has(key) || counts.size < mostKeys ? key : others
  counts.set(counted, (counts.get(counted) ?? 0) + 1)
}

const most = 25

function ranked(counts: Tally): readonly Count[] {
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  return sorted.slice(0, most).map(([what, sum]) => ({ what, count: sum }))
}
