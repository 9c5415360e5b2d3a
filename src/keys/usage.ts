import { keyType } from '../crypto/keys/key-types.ts'
import { usageAt, usageShape, VersionCounter } from './usage-counter.ts'
import type { UsageCounter, UsageCounterHost } from './usage-counter.ts'
import type { KeyRecord } from './record.ts'
import { recent } from '../util/caches/recent.ts'

/** Versions whose counter is in memory; for others at most a block of the count is lost, which is safe. */
const countersCached = 10_000

/** The use of one version. */
export interface Used {
  /** Messages that may have been encrypted; undefined for types without a limit. */
  readonly encryptions: number | undefined
  /** Epoch milliseconds; 0: never. */
  readonly lastUsedAt: number
}

/** The use of the keys of a mount. */
export class Usage {
  readonly #host: UsageCounterHost
  readonly #counters = recent<string, VersionCounter>(countersCached)

  constructor(host: UsageCounterHost) {
    this.#host = host
  }

  /** The counter of one version. */
  counterOf(key: KeyRecord, number: number): UsageCounter {
    const version = key.versions[number]
    // The key refuses versions that do not exist.
    if (!version) return { take: () => false, touch: () => {} }
    let counter = this.#counters.get(version.id)
    if (!counter) {
      counter = new VersionCounter(this.#host, key, version)
      this.#counters.set(version.id, counter)
    }
    return counter
  }

  /** The use of the versions of a key, by number. */
  async of(key: KeyRecord): Promise<ReadonlyMap<number, Used>> {
    const stored = await this.#host.view.get(usageAt(key.uuid), usageShape)
    const limited = isLimited(key)
    return new Map(
      Object.entries(key.versions).map(([number, { id }]) => {
        const { reserved = 0, lastUsedAt = 0 } = stored?.versions[id] ?? {}
        const here = this.#counters.peek(id)?.lastUsedAt ?? 0
        return [Number(number), { encryptions: limited ? reserved : undefined, lastUsedAt: Math.max(lastUsedAt, here) }]
      }),
    )
  }

  /** Stores when versions were used last, at most once an hour each. */
  async keep(): Promise<void> {
    for (const counter of this.#counters.values()) await counter.keep().catch(() => {})
  }
}

/** Whether messages under one version are limited. */
export function isLimited({ type }: Pick<KeyRecord, 'type'>): boolean {
  return keyType(type).cipher?.limited === true
}
