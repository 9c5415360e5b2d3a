import type { Capability } from '../../contract/identity.ts'
import type { Acl, NamedPolicy } from '../acl.ts'
import type { AclOperation, AclQuery } from '../verdict.ts'
import { violation } from '../parameters/parameters.ts'
import type { PathRule } from '../document.ts'
import { whyNearer } from '../pattern.ts'
import { reasonOf } from './reason.ts'
import type { ExplainedGround } from './reason.ts'
import type { Match, Merged } from '../rules.ts'
import { suggestion } from './suggestion.ts'
import type { Unresolved } from '../templates/template.ts'

/** Policies, and their compiled table. For one explanation. */
interface Compiled {
  readonly policies: readonly NamedPolicy[]
  readonly acl: Acl
}

/** A request to explain. `needsSudo`: its route also requires the capability `sudo`. */
export interface Question extends AclQuery {
  readonly operation: Exclude<AclOperation, 'help'>
  readonly needsSudo: boolean
}

/** The parts of a policy that the caller may see: its rules, and its name. */
export interface Visibility {
  readonly rules: (policy: string) => boolean
  readonly name: (policy: string) => boolean
}

/** A matching rule, as far as the caller may see it. All rules with one pattern are combined into one. */
interface VisibleRule {
  /** Undefined if none of its policies are visible. */
  readonly path?: string
  /** The templates that resolved to this path, as written in the visible policies. Absent if there are none. */
  readonly templates?: readonly string[]
  /** Visible names. */
  readonly policies: readonly string[]
  /** The number of other policies with a rule of this pattern. */
  readonly unnamed: number
  readonly capabilities: readonly Capability[]
  /** Why the rule before it decides, and not this one. */
  readonly behind?: string
}

/** An ignored rule, with the reason: see `Unresolved` for templates. */
interface LeftOut {
  readonly path: string
  readonly policy?: string
  readonly why: 'expired' | Unresolved
}

/** Why a request is allowed or not. */
export interface Explanation {
  readonly allowed: boolean
  readonly ground: ExplainedGround
  /** The ground in words. */
  readonly reason: string
  /** Every rule that matches, in the order of their rank: the first one decides. */
  readonly considered: readonly VisibleRule[]
  readonly leftOut: readonly LeftOut[]
  /** A stanza that would allow it, in addition to the existing policies; absent if no stanza could. */
  readonly stanza?: string
}

/** Explains one request under some policies, as far as the asker may see them. Pure; the verdict is the ACL's own. */
export function explain(
  { policies, acl }: Compiled,
  question: Question,
  now: number,
  visibility: Visibility,
): Explanation {
  const { verdict, ground, rule } = acl.evaluate(question)
  const allowed = verdict.allowed && (!question.needsSudo || verdict.sudo)
  const clear = rule?.policies.every(visibility.rules) === true ? rule : undefined
  const explained = verdict.allowed && !allowed ? 'no_sudo' : ground
  const unmet = ground === 'parameters' && clear ? violation(clear, question) : undefined
  const capabilities = rule ? visible(rule, visibility) : []
  const considered = acl.root ? [] : ranked(acl.matching(question), visibility)
  const stanza = allowed ? undefined : suggestion(acl, question, capabilities, clear)
  return {
    allowed,
    ground: explained,
    reason: reasonOf(explained, question.operation, clear, unmet),
    considered,
    leftOut: acl.root ? [] : leftOut({ policies, acl }, now, visibility),
    ...(stanza !== undefined && { stanza }),
  }
}

function ranked(matches: readonly Match[], visibility: Visibility): VisibleRule[] {
  return matches.map((match, at) => {
    const before = matches[at - 1]
    return { ...visibleRule(match.rule, visibility), ...(before && { behind: whyBehind(match, before) }) }
  })
}

function visibleRule(rule: Merged, visibility: Visibility): VisibleRule {
  const named = rule.policies.filter(visibility.name)
  const templates = rule.templates.flatMap(({ policy, path }) => (visibility.rules(policy) ? [path] : []))
  return {
    ...(rule.policies.some(visibility.rules) && { path: rule.source }),
    ...(templates.length > 0 && { templates }),
    policies: named,
    unnamed: rule.policies.length - named.length,
    capabilities: visible(rule, visibility),
  }
}

/** The capabilities of the visible rules. A deny removes all others. */
function visible(rule: Merged, visibility: Visibility): Capability[] {
  if (rule.capabilities.has('deny')) return rule.policies.some(visibility.rules) ? ['deny'] : []
  return [...rule.capabilities].filter((capability) => rule.granting.get(capability)?.some(visibility.rules)).sort()
}

function whyBehind(match: Match, { rule: before, bare }: Match): string {
  if (before.source.includes('{{')) return 'a deny applies to all possible values of its template'
  if (before.pattern.kind === 'exact' && match.rule.pattern.kind !== 'exact') return 'an exact path precedes patterns'
  if (match.bare && !bare) return 'it matches the folder only without its trailing slash'
  return whyNearer(before.pattern, match.rule.pattern)
}

function leftOut({ policies, acl }: Compiled, now: number, visibility: Visibility): LeftOut[] {
  return policies
    .filter(({ name }) => visibility.rules(name))
    .flatMap((policy) =>
      policy.document.rules.flatMap((rule) => {
        const why = whyLeftOut(acl, rule, policy, now)
        return why ? [{ path: rule.path, ...(visibility.name(policy.name) && { policy: policy.name }), why }] : []
      }),
    )
}

function whyLeftOut(acl: Acl, rule: PathRule, policy: NamedPolicy, now: number): LeftOut['why'] | undefined {
  if (rule.expiration !== undefined && rule.expiration <= now) return 'expired'
  return rule.capabilities.has('deny') ? undefined : acl.unresolved(rule, policy)
}
