import { refuse } from '../../contract/fault.ts'
import { rootNamespace } from '../../contract/identity.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import type { View } from '../../contract/view.ts'
import { byteOrder } from '../../util/bytes.ts'
import type { Clock } from '../../util/clock.ts'
import type { Freshness } from '../freshness.ts'
import { RateLimiter } from './rate-limit.ts'
import type { Taken } from './rate-limit.ts'
import { isExempt, placeOf, placeOfRole, quotaConfigShape, quotaShape, usualConfig } from './quota.ts'
import type { Quota, QuotaConfig } from './quota.ts'

/** The parts of a request for quotas. `mount` is the uuid of the mount of `rest`. */
export interface Counted {
  /** With the namespace in front. */
  readonly path: string
  readonly namespace: Placed
  readonly mount: string | undefined
  readonly rest: string
  readonly address: string
  /** The role of a login, if it is known. */
  readonly role?: string | undefined
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

/** Rate-limit quotas: stored in the barrier, counted in memory. */
export class Quotas {
  readonly #view: View
  readonly #clock: Clock
  readonly #exists: Exists
  /** By `placeOf`: there is one quota for a path, and one for a role of a mount. */
  readonly #rules = new Map<string, Rule>()
  /** The rules for roles, by their mount: every request looks here. */
  #byMount: ReadonlyMap<string, readonly Rule[]> = new Map()
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
          throw refuse(
            `the quota "${other.name}" is for that path${quota.role === undefined ? '' : ' and role'} already`,
          )
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
    if (!rule || isExempt(this.#config, counted.path)) return undefined
    return rule.limiter.take(counted.address, this.#clock.now())
  }

  /** The roles with a quota of their own, in byte order, of a mount whose request counts. */
  rolesOf(counted: Counted): readonly string[] {
    const rules = this.#ofRoles(counted)
    if (rules.length === 0 || isExempt(this.#config, counted.path)) return []
    return rules.map(({ quota }) => quota.role ?? '').sort(byteOrder)
  }

  /** Whether a login is over its quota, whatever its role is: its body need not be read. Counts nothing. */
  isUsedUp(counted: Counted): boolean {
    const general = this.#ruleFor(counted)
    if (!general || counted.mount === undefined || isExempt(this.#config, counted.path)) return false
    const now = this.#clock.now()
    return [general, ...this.#ofRoles(counted)].every(({ limiter }) => limiter.isUsedUp(counted.address, now))
  }

  #ofRoles({ mount }: Counted): readonly Rule[] {
    return (mount === undefined ? undefined : this.#byMount.get(mount)) ?? []
  }

  /** The most specific one: of the role, of the path, of the longest prefix, of the mount, of the namespace, of an inheritable one above. */
  #ruleFor({ namespace, mount, rest, role }: Counted): Rule | undefined {
    if (mount !== undefined) {
      const own = role === undefined ? undefined : this.#rules.get(placeOfRole(mount, role))
      if (own) return own
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
    this.#byMount = rulesOfRoles(this.#rules.values())
  }

  async #everyRule(): Promise<Iterable<string>> {
    const open = [...this.#rules.values()].map(({ quota }) => quota.name)
    return new Set([...open, ...(await this.#view.list('rule/'))])
  }

  async #tidy(): Promise<void> {
    for (const { quota } of this.#rules.values()) if (!this.#lives(quota)) await this.delete(quota.name)
  }
}

function rulesOfRoles(rules: Iterable<Rule>): ReadonlyMap<string, readonly Rule[]> {
  const found = new Map<string, Rule[]>()
  for (const rule of rules) {
    const { mount, role } = rule.quota
    if (mount === undefined || role === undefined) continue
    const ofMount = found.get(mount) ?? []
    found.set(mount, ofMount)
    ofMount.push(rule)
  }
  return found
}
