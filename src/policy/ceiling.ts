import type { Capability } from '../contract/identity.ts'
import { Acl } from './acl.ts'
import type { AclQuery, Verdict, Evaluation } from './verdict.ts'
import type { Match } from './rules.ts'

/**
 * The permissions of a token below a ceiling: a request is allowed when its own policies and those of the ceiling each allow
 * it. A deny, a condition on parameters or on wrapping, and a limit of either counts.
 */
export class BoundedAcl extends Acl {
  readonly #own: Acl
  readonly #ceiling: Acl

  constructor(own: Acl, ceiling: Acl) {
    super([], 0, own.principal)
    this.#own = own
    this.#ceiling = ceiling
  }

  override get until(): number {
    return Math.min(this.#own.until, this.#ceiling.until)
  }

  override evaluate(query: AclQuery): Evaluation {
    const [own, ceiling] = [this.#own.evaluate(query), this.#ceiling.evaluate(query)]
    // First the denials: on another path of the same record only they matter.
    const refused = [own, ceiling].find(({ ground }) => ground === 'denied') ?? [own, ceiling].find(({ verdict }) => !verdict.allowed) // prettier-ignore
    const both = common(own.verdict, ceiling.verdict)
    if (!refused) return { ...own, verdict: both }
    return { ...refused, verdict: { allowed: false, sudo: both.sudo, root: false, granting: [] } }
  }

  override matching(query: Pick<AclQuery, 'path' | 'operation'>): Match[] {
    return this.#own.matching(query)
  }

  override capabilities(path: string): Capability[] {
    const [own, ceiling] = [this.#own.capabilities(path), this.#ceiling.capabilities(path)]
    const left = own.filter((one) => ceiling.includes(one))
    return left.length > 0 ? left : ['deny']
  }

  override refusesDefault(query: AclQuery, name: string, value: unknown): boolean {
    return this.#own.refusesDefault(query, name, value) || this.#ceiling.refusesDefault(query, name, value)
  }

  override denies(path: string): boolean {
    return this.#own.denies(path) || this.#ceiling.denies(path)
  }

  override reaches(mountPath: string): boolean {
    return this.#own.reaches(mountPath) && this.#ceiling.reaches(mountPath)
  }

  /** The token's own rules: the effect of the ceiling cannot be shown rule by rule. */
  override resultant(): Record<string, unknown> {
    return this.#own.resultant()
  }
}

function common(a: Verdict, b: Verdict): Verdict {
  const filters = [...(a.filters ?? []), ...(b.filters ?? [])]
  const limits = [a.limit, b.limit].filter((limit) => limit !== undefined)
  // 0 is the limit of a caller who requests everything, if the rule has no limit.
  const bounds = limits.filter((limit) => limit > 0)
  const limit = bounds.length > 0 ? Math.min(...bounds) : limits[0]
  return {
    allowed: a.allowed && b.allowed,
    sudo: a.sudo && b.sudo,
    root: false,
    granting: a.granting,
    ...(limit !== undefined && { limit }),
    ...(filters.length > 0 && { filters }),
  }
}
