import { keyType } from '../crypto/keys/key-types.ts'
import { usageAt, usageShape, VersionCounter } from './usage-counter.ts'
import type { UsageCounter, UsageCounterHost } from './usage-counter.ts'
import type { KeyRecord } from './record.ts'
import { recent } from '../util/recent.ts'

/** Versions whose use is known without reading; of others at most a block of the count is lost, to the safe side. */
const metersKept = 10_000

/** What a version has been used for, as far as is known. */
export interface Used {
  /** Messages that may have been encrypted; undefined for types without a limit. */
  readonly encryptions: number | undefined
  /** Epoch milliseconds; 0: never. */
  readonly lastUsedAt: number
}

/** What the keys of a mount have been used for. */
export class Usage {
  readonly #host: UsageCounterHost
  readonly #meters = recent<string, VersionCounter>(metersKept)

  constructor(host: UsageCounterHost) {
    this.#host = host
  }

  /** The meter of one version. */
  meter(key: KeyRecord, number: number): UsageCounter {
    const version = key.versions[number]
    // What does not exist is refused elsewhere.
    if (!version) return { take: () => false, touch: () => {} }
    let meter = this.#meters.get(version.id)
    if (!meter) {
      meter = new VersionCounter(this.#host, key, version)
      this.#meters.set(version.id, meter)
    }
    return meter
  }

  /** What the versions of a key have been used for, by number. */
  async of(key: KeyRecord): Promise<ReadonlyMap<number, Used>> {
    const stored = await this.#host.view.get(usageAt(key.uuid), usageShape)
    const limited = isLimited(key)
    return new Map(
      Object.entries(key.versions).map(([number, { id }]) => {
        const { reserved = 0, lastUsedAt = 0 } = stored?.versions[id] ?? {}
        const here = this.#meters.peek(id)?.lastUsedAt ?? 0
        return [Number(number), { encryptions: limited ? reserved : undefined, lastUsedAt: Math.max(lastUsedAt, here) }]
      }),
    )
  }

  /** Stores when versions were used last, at most once an hour each. */
  async keep(): Promise<void> {
    for (const meter of this.#meters.values()) await meter.keep().catch(() => {})
  }
}

/** Whether messages under one version are limited. */
export function isLimited({ type }: Pick<KeyRecord, 'type'>): boolean {
  return keyType(type).cipher?.limited === true
}
