import { refuse } from '../../contract/fault.ts'
import { rootNamespace } from '../../contract/identity.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import type { View } from '../../contract/view.ts'
import { byteOrder } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Freshness } from '../freshness.ts'
import { RateLimiter } from './rate-limit.ts'
import type { Rate, Taken } from './rate-limit.ts'
import { isFlag, isListOf, isName, isPositive, isText, orAbsent, shapeOf } from '../../util/stored/shape.ts'

/** A rate-limit quota. Without a mount it is for a whole namespace; that of the root one is the global one. */
export interface Quota extends Rate {
  readonly name: string
  /** Absent for the root namespace. */
  readonly namespace?: NamespaceId
  /** The mount's uuid, so that a quota follows its mount and is removed with it. */
  readonly mount?: string
  /** The rest of the path after the mount, without slashes at its ends; `a*` is the prefix `a`. */
  readonly suffix: string
  /** A quota of a whole namespace also applies to child namespaces without a quota. */
  readonly inheritable: boolean
}

/** Settings of all quotas. */
export interface QuotaConfig {
  readonly auditRejections: boolean
  readonly headers: boolean
  /** Exempt paths: exact, with all paths below them, or prefixes with a `*`; a `!` removes one again. */
  readonly exempt: readonly string[]
}

const quotaShape = shapeOf<Quota>('a quota', {
  name: isName,
  namespace: orAbsent(isName),
  mount: orAbsent(isName),
  suffix: isText,
  inheritable: isFlag,
  rate: isPositive,
  interval: isPositive,
  blockInterval: (value) => value === 0 || isPositive(value),
})
const quotaConfigShape = shapeOf<QuotaConfig>('a setting of quotas', {
  auditRejections: isFlag,
  headers: isFlag,
  exempt: isListOf(isText),
})

/** The parts of a request for quotas. `mount` is the uuid of the mount of `rest`. */
export interface Counted {
  /** With the namespace in front. */
  readonly path: string
  readonly namespace: Placed
  readonly mount: string | undefined
  readonly rest: string
  readonly address: string
}

/** A namespace, as far as quotas look at it. */
interface Placed {
  readonly id: NamespaceId
  readonly parent: Placed | undefined
}

/** Whether a namespace, and in it a mount, still exists. */
type Exists = (namespace: NamespaceId, mount: string | undefined) => boolean

interface Rule {
  readonly quota: Quota
  readonly limiter: RateLimiter
}

/** Operators must reach these even while the server is flooded with requests. */
const usualConfig: QuotaConfig = {
  auditRejections: false,
  headers: false,
  exempt: ['sys/generate-root/attempt', 'sys/generate-root/update', 'sys/health', 'sys/seal-status', 'sys/unseal'],
}

/** Never counted, regardless of the configuration: a quota that is too small must not prevent its own change. */
const alwaysExempt = ['sys/quotas/rate-limit', 'sys/quotas/config']

/** Rate-limit quotas: stored in the barrier, counted in memory. */
export class Quotas {
  readonly #view: View
  readonly #clock: Clock
  readonly #exists: Exists
  /** By `<mount or namespace> <suffix>`: there is one quota for a path. */
  readonly #rules = new Map<string, Rule>()
  #config = usualConfig

  private constructor(view: View, clock: Clock, exists: Exists) {
    this.#view = view
    this.#clock = clock
    this.#exists = exists
  }

  /** Loads them, and removes those whose mount or namespace no longer exists. */
  static async open(view: View, clock: Clock, exists: Exists, freshness: Freshness): Promise<Quotas> {
    const quotas = new Quotas(view, clock, exists)
    await freshness.follow(view, '', async (names) => quotas.#follow(names))
    await quotas.#tidy()
    return quotas
  }

  /** Whether there is any quota at all. */
  get any(): boolean {
    return this.#rules.size > 0
  }

  get config(): QuotaConfig {
    return this.#config
  }

  async configure(config: QuotaConfig): Promise<void> {
    await this.#view.put('config', config)
  }

  /** The names, in byte order. */
  names(): string[] {
    return this.#all()
      .map(({ name }) => name)
      .sort(byteOrder)
  }

  get(name: string): Quota | undefined {
    return this.#all().find((quota) => quota.name === name)
  }

  /** Creates or replaces a quota; counting starts again. @throws Fault invalid_request if another one has the same path. */
  async write(quota: Quota): Promise<void> {
    await this.#tidy()
    await this.#view.transaction(async (tx) => {
      tx.unchanged('rule/')
      for (const name of await this.#view.list('rule/')) {
        const other = await tx.get(`rule/${name}`, quotaShape)
        if (other && other.name !== quota.name && placeOf(other) === placeOf(quota))
          throw refuse(`the quota "${other.name}" is for that path already`)
      }
      tx.put(`rule/${quota.name}`, quota)
    })
  }

  /** Absent is fine. */
  async delete(name: string): Promise<void> {
    await this.#view.del(`rule/${name}`)
  }

  /** Counts a request. Undefined: no quota applies. */
  take(counted: Counted): Taken | undefined {
    const rule = this.#ruleFor(counted)
    if (!rule || isExempt(this.#config.exempt, counted.path) || isExempt(alwaysExempt, counted.path)) return undefined
    return rule.limiter.take(counted.address, this.#clock.now())
  }

  /** The most specific one: of the path, of the longest prefix, of the mount, of the namespace, of an inheritable one above. */
  #ruleFor({ namespace, mount, rest }: Counted): Rule | undefined {
    if (mount !== undefined) {
      const path = rest.endsWith('/') ? rest.slice(0, -1) : rest
      const exact = this.#rules.get(`${mount} ${path}`)
      if (exact) return exact
      for (let length = path.length; length >= 0; length--) {
        const begins = this.#rules.get(`${mount} ${path.slice(0, length)}*`)
        if (begins) return begins
      }
      const whole = this.#rules.get(`${mount} `)
      if (whole) return whole
    }
    for (let at: Placed | undefined = namespace; at; at = at.parent) {
      const rule = this.#rules.get(`${at.id} `)
      if (rule && (at === namespace || rule.quota.inheritable)) return rule
    }
    return undefined
  }

  #all(): Quota[] {
    return [...this.#rules.values()].map(({ quota }) => quota).filter((quota) => this.#lives(quota))
  }

  #lives({ namespace = rootNamespace, mount }: Quota): boolean {
    return this.#exists(namespace, mount)
  }

  #use(quota: Quota): void {
    this.#rules.set(placeOf(quota), { quota, limiter: new RateLimiter(quota) })
  }

  /** Reads the records again that have these names; undefined: all of them. */
  async #follow(names: readonly string[] | undefined): Promise<void> {
    if (!names || names.includes('config'))
      this.#config = (await this.#view.get('config', quotaConfigShape)) ?? usualConfig
    const rules = names?.filter((name) => name.startsWith('rule/')).map((name) => name.slice('rule/'.length))
    for (const name of rules ?? (await this.#everyRule())) {
      const stored = await this.#view.get(`rule/${name}`, quotaShape)
      for (const [place, { quota }] of this.#rules) if (quota.name === name) this.#rules.delete(place)
      if (stored) this.#use(stored)
    }
  }

  async #everyRule(): Promise<Iterable<string>> {
    const open = [...this.#rules.values()].map(({ quota }) => quota.name)
    return new Set([...open, ...(await this.#view.list('rule/'))])
  }

  async #tidy(): Promise<void> {
    for (const { quota } of this.#rules.values()) if (!this.#lives(quota)) await this.delete(quota.name)
  }
}

// Uuids of mounts and ids of namespaces never look alike.
const placeOf = ({ namespace = rootNamespace, mount = namespace, suffix }: Quota): string => `${mount} ${suffix}`

/** The longest matching entry decides. */
function isExempt(entries: readonly string[], path: string): boolean {
  let best = { length: -1, exempt: false }
  for (const entry of entries) {
    const exempt = !entry.startsWith('!')
    const hash = exempt ? entry : entry.slice(1)
    const bare = hash.replace(/[*/]$/, '')
    const fits = hash.endsWith('*') ? path.startsWith(bare) : path === bare || path.startsWith(`${bare}/`)
    if (fits && bare !== '' && bare.length > best.length) best = { length: bare.length, exempt }
  }
  return best.exempt
}
