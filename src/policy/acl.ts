import type { Capability, Principal } from '../contract/identity.ts'
import type { Clock } from '../util/clock.ts'
import { Slices } from '../util/slices.ts'
import type { PathRule, PolicyDocument } from './document.ts'
import { refusesDefault } from './parameters/parameters.ts'
import { matches, isMoreSpecific, leadsInto } from './pattern.ts'
import { RuleTable, denying } from './rules.ts'
import type { Match, Merged } from './rules.ts'
import { TemplateResolver, closedBy } from './templates/template.ts'
import type { TemplateOptions, Unresolved } from './templates/template.ts'
import type { AclQuery, Verdict, Evaluation } from './verdict.ts'
import { checked, grantedBy, groundOf, pageLimit } from './weigh.ts'
import { describedRule } from './describe-rule.ts'

/** A named policy to be compiled. */
export interface NamedPolicy {
  readonly name: string
  readonly document: PolicyDocument
  /** Absent: the values of its templates have neither wildcards nor slashes. */
  readonly templates?: TemplateOptions
}

const refused: Verdict = { allowed: false, sudo: false, root: false, granting: [] }

const everything: Verdict = { allowed: true, sudo: true, root: true, granting: ['root'] }

/**
 * Compiles policies into one decision table. Expired rules are left out, and those with unresolvable templates.
 * @param principal the source of the templates' values; without one no template is resolved
 */
export function compileAcl(policies: readonly NamedPolicy[], clock: Pick<Clock, 'now'>, principal?: Principal): Acl {
  const acl = emptyAcl(policies, clock, principal)
  for (const policy of policies) acl.add(policy)
  return acl.close()
}

/** The same in slices, so that other requests are served meanwhile: a token may have many long policies. */
export async function compileInSlices(
  policies: readonly NamedPolicy[],
  clock: Pick<Clock, 'now'>,
  principal?: Principal,
): Promise<Acl> {
  const acl = emptyAcl(policies, clock, principal)
  const slices = new Slices()
  for (const policy of policies) {
    acl.add(policy)
    await slices.pause()
  }
  return acl.close()
}

function emptyAcl(policies: readonly NamedPolicy[], clock: Pick<Clock, 'now'>, principal: Principal | undefined): Acl {
  const names = policies.map(({ name }) => name)
  return new Acl(names, clock.now(), principal)
}

/** The permissions of one token. Pure: no lookups and no changes. */
export class Acl {
  readonly root: boolean
  /** The source of the templates' values. */
  readonly principal: Principal | undefined
  readonly #now: number
  readonly #resolver: TemplateResolver
  #until = Infinity
  readonly #rules = new RuleTable()
  /** The denying rules once more, in lower case. */
  readonly #denies = new RuleTable()
  /** Whether a path in lower case can match a deny here that it does not match among the rules. */
  #mixedCase = false
  /** The denying rules with unresolvable templates, as the paths that they deny. */
  readonly #closed: Merged[] = []

  /** @param names of the policies that will be added before the first check */
  constructor(names: readonly string[], now: number, principal: Principal | undefined) {
    this.root = names.includes('root')
    this.principal = principal
    this.#now = now
    this.#resolver = new TemplateResolver(principal)
  }

  /** The verdict with one more policy, which denies nothing. The table keeps that policy. */
  decideWith(policy: NamedPolicy, query: AclQuery): Verdict {
    this.add(policy)
    return this.decide(query)
  }

  /** Adds one policy; `close` follows the last one. */
  add(policy: NamedPolicy): void {
    const { name, document } = policy
    for (const rule of document.rules) {
      if (rule.expiration !== undefined && rule.expiration <= this.#now) continue
      if (rule.expiration !== undefined) this.#until = Math.min(this.#until, rule.expiration)
      if (rule.templated) this.#addTemplated(rule, policy)
      else this.#rules.add(rule, name)
    }
  }

  #addTemplated(rule: PathRule, { name, templates }: NamedPolicy): void {
    const rendered = this.#resolver.render(rule.path, templates)
    if ('path' in rendered) {
      const merged = this.#rules.add({ ...rule, path: rendered.path }, name)
      merged.templates.push({ policy: name, path: rule.path })
    } else if (rule.capabilities.has('deny')) this.#closed.push(denying(closedBy(rule), rule.path, name))
  }

  /** Why the template of a rule cannot be resolved for the principal; undefined if it can. */
  unresolved(rule: PathRule, { templates }: NamedPolicy): Unresolved | undefined {
    const rendered = rule.templated ? this.#resolver.render(rule.path, templates) : undefined
    return rendered && 'why' in rendered ? rendered.why : undefined
  }

  /** Adds the rules that follow from all policies together. */
  close(): this {
    for (const rule of this.#rules.all()) if (rule.capabilities.has('deny')) this.#addDeny(rule)
    return this
  }

  /** The time when the first rule expires (epoch milliseconds): compile again then. */
  get until(): number {
    return this.#until
  }

  decide(query: AclQuery): Verdict {
    return this.evaluate(query).verdict
  }

  /** The verdict and its reason. */
  evaluate(query: AclQuery): Evaluation {
    if (this.root) return { verdict: everything, ground: 'root' }
    const listing = query.operation === 'list' || query.operation === 'scan'
    // A list is always of a folder: with the slash, a rule about the folder's contents decides (CVE-2026-12624).
    const path = listing && !query.path.endsWith('/') ? `${query.path}/` : query.path
    const rule = this.#choose(path, listing)
    const sudo = rule !== undefined && rule.capabilities.has('sudo') && !rule.capabilities.has('deny')
    if (query.operation === 'help')
      return { verdict: { ...refused, allowed: true, sudo }, ground: 'granted', ...(rule && { rule }) }
    if (!rule) return { verdict: refused, ground: 'no_rule' }
    const limit = listing ? pageLimit(rule, query.data) : undefined
    const ground = groundOf(rule, query, limit)
    if (ground !== 'granted') return { verdict: sudo ? { ...refused, sudo } : refused, ground, rule }
    return { verdict: grantedBy(rule, query.operation, sudo, limit), ground, rule }
  }

  /**
   * Every matching rule, in the order of their rank; a deny for other spellings of its path, or for possible values of its
   * template, is first where it decides.
   */
  matching({ path: queried, operation }: Pick<AclQuery, 'path' | 'operation'>): Match[] {
    const listing = operation === 'list' || operation === 'scan'
    const path = listing && !queried.endsWith('/') ? `${queried}/` : queried
    const rules = this.#rules.matching(path, listing)
    const first = this.#choose(path, listing)
    if (!first || first === rules[0]?.rule) return rules
    return [{ rule: first, bare: false }, ...rules.filter(({ rule }) => rule.source !== first.source)]
  }

  /** The capabilities on a path, alphabetically; `root` and `deny` stand alone. */
  capabilities(path: string): Capability[] {
    if (this.root) return ['root' as Capability]
    const rule = this.#choose(path.startsWith('/') ? path.slice(1) : path, true)
    if (!rule || rule.capabilities.size === 0 || rule.capabilities.has('deny')) return ['deny']
    return [...rule.capabilities].sort()
  }

  /** Whether the deciding rule of a request denies the default of a parameter that was not sent. */
  refusesDefault({ path, fields = {}, operation }: AclQuery, name: string, value: unknown): boolean {
    if (this.root || !checked.has(operation)) return false
    const rule = this.#choose(path, false)
    return rule !== undefined && refusesDefault(rule, fields, name, value)
  }

  /** Whether the deciding rule of a path denies it; false if there is none. */
  denies(path: string): boolean {
    return !this.root && (this.#choose(path, false)?.capabilities.has('deny') ?? false)
  }

  /** Whether some rule allows something at or below a mount's path. */
  reaches(mountPath: string): boolean {
    if (this.root) return true
    const segments = mountPath.slice(0, -1).split('/')
    return this.#rules
      .all()
      .some(
        ({ pattern, capabilities }) =>
          capabilities.size > 0 && !capabilities.has('deny') && leadsInto(pattern, mountPath, segments),
      )
  }

  /** The rules for `sys/internal/ui/resultant-acl`, which has no patterns with `+`. */
  resultant(): Record<string, unknown> {
    if (this.root) return { root: true }
    const byPath = (rules: Iterable<Merged>) =>
      Object.fromEntries([...rules].map((rule) => [rule.pattern.stem, describedRule(rule)]))
    return { root: false, exact_paths: byPath(this.#rules.exact), glob_paths: byPath(this.#rules.prefixes) }
  }

  /**
   * The deciding rule, unless a deny is more specific: one for the possible values of its template, or one for another letter
   * case.
   */
  #choose(path: string, folders: boolean): Merged | undefined {
    const rule = this.#rules.choose(path, folders)
    if (!rule || rule.capabilities.has('deny')) return rule
    const folded = path.toLowerCase()
    const closing = this.#closed.find(({ pattern }) => matches(pattern, folded))
    if (closing) return closing
    if (!this.#mixedCase && folded === path) return rule
    const deny = this.#denies.choose(folded, folders)
    return deny && isMoreSpecific(deny.pattern, rule.pattern) ? deny : rule
  }

  #addDeny({ pattern, policies, source }: Merged): void {
    const path = pattern.text.toLowerCase()
    if (path !== pattern.text) this.#mixedCase = true
    const rule = { path, capabilities: new Set<Capability>(['deny']), required: new Set<string>(), templated: false }
    for (const name of policies) this.#denies.add(rule, name, source)
  }
}
