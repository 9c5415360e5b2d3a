import type { Capability } from '../contract/identity.ts'
import { unitedParameters } from './document.ts'
import type { ParameterRules, PathRule } from './document.ts'
import type { KeyFilter } from './key-filter.ts'
import { compilePattern, matches, matchesSegments, precedence } from './pattern.ts'
import type { Pattern } from './pattern.ts'

/** All rules with one pattern, united. */
export interface Merged {
  readonly pattern: Pattern
  /** The path as it was written. */
  readonly written: string
  /** Names of the policies that have a rule with this pattern. */
  policies: readonly string[]
  readonly capabilities: Set<Capability>
  /** Which policies give which capability. */
  readonly granting: Map<Capability, string[]>
  allowed: ParameterRules | undefined
  denied: ParameterRules | undefined
  required: readonly string[]
  minWrappingTtl: number | undefined
  maxWrappingTtl: number | undefined
  paginationLimit: number | undefined
  /** Each of them must show a listed name. */
  filters: readonly KeyFilter[]
}

/** A rule that matches a path; `bare`: only the path without its trailing slash. */
export interface Match {
  readonly rule: Merged
  readonly bare: boolean
}

/** The rules of some policies by their patterns, and which of them decides about a path. */
export class RuleTable {
  readonly #exact = new Map<string, Merged>()
  readonly #prefixes = new Map<string, Merged>()
  /** Lengths of the prefixes, longest first. */
  #lengths: readonly number[] = []
  readonly #segments: Merged[] = []

  get exact(): Iterable<Merged> {
    return this.#exact.values()
  }

  get prefixes(): Iterable<Merged> {
    return this.#prefixes.values()
  }

  all(): Merged[] {
    return [...this.#exact.values(), ...this.#prefixes.values(), ...this.#segments]
  }

  /** The one rule that decides. With `folders` the path is tried without its trailing slash as well. */
  choose(path: string, folders: boolean): Merged | undefined {
    const bare = folders && path.endsWith('/') ? path.slice(0, -1) : undefined
    return (
      this.#exact.get(path) ??
      (bare === undefined ? undefined : this.#exact.get(bare)) ??
      this.#best(path) ??
      (bare === undefined ? undefined : this.#best(bare))
    )
  }

  #best(path: string): Merged | undefined {
    let best = this.#longestPrefix(path)
    if (this.#segments.length === 0) return best
    const segments = path.split('/')
    for (const rule of this.#segments) {
      if (matchesSegments(rule.pattern, segments) && (!best || precedence(rule.pattern, best.pattern) > 0)) best = rule
    }
    return best
  }

  #longestPrefix(path: string): Merged | undefined {
    for (const length of this.#lengths) {
      const rule = length <= path.length ? this.#prefixes.get(path.slice(0, length)) : undefined
      if (rule) return rule
    }
    return undefined
  }

  /** Every rule that matches, in the order in which they would decide: the first one does. */
  matching(path: string, folders: boolean): Match[] {
    const bare = folders && path.endsWith('/') ? path.slice(0, -1) : undefined
    const paths = bare === undefined ? [path] : [path, bare]
    const exact = paths.map((one) => this.#exact.get(one))
    const [wild = [], late = []] = paths.map((one) => this.#wild(one))
    return [
      ...exact.flatMap((rule, at) => (rule ? [{ rule, bare: at === 1 }] : [])),
      ...wild.map((rule) => ({ rule, bare: false })),
      ...late.filter((rule) => !wild.includes(rule)).map((rule) => ({ rule, bare: true })),
    ]
  }

  #wild(path: string): Merged[] {
    const all = [...this.#prefixes.values(), ...this.#segments]
    return all.filter(({ pattern }) => matches(pattern, path)).sort((a, b) => precedence(b.pattern, a.pattern))
  }

  /** @param written the path as it is shown, where the one of the rule was folded */
  add(rule: PathRule, name: string, written = rule.path): void {
    const pattern = compilePattern(rule.path)
    const known = this.#find(pattern)
    if (known) return unite(known, rule, name)
    const fresh = emptyRule(pattern, written)
    if (pattern.kind === 'exact') this.#exact.set(pattern.stem, fresh)
    else if (pattern.kind === 'prefix') this.#addPrefix(pattern.stem, fresh)
    else this.#segments.push(fresh)
    return unite(fresh, rule, name)
  }

  #find(pattern: Pattern): Merged | undefined {
    if (pattern.kind === 'exact') return this.#exact.get(pattern.stem)
    if (pattern.kind === 'prefix') return this.#prefixes.get(pattern.stem)
    return this.#segments.find((rule) => rule.pattern.text === pattern.text)
  }

  #addPrefix(stem: string, rule: Merged): void {
    this.#prefixes.set(stem, rule)
    if (!this.#lengths.includes(stem.length)) this.#lengths = [...this.#lengths, stem.length].sort((a, b) => b - a)
  }
}

/** A rule with this pattern that gives nothing yet. */
function emptyRule(pattern: Pattern, written: string): Merged {
  return {
    pattern,
    written,
    policies: [],
    capabilities: new Set(),
    granting: new Map(),
    allowed: undefined,
    denied: undefined,
    required: [],
    minWrappingTtl: undefined,
    maxWrappingTtl: undefined,
    paginationLimit: undefined,
    filters: [],
  }
}

/** A rule of its own that denies whatever its pattern matches. */
export function denying(pattern: Pattern, written: string, name: string): Merged {
  return { ...emptyRule(pattern, written), policies: [name], capabilities: new Set(['deny']) }
}

function unite(merged: Merged, rule: PathRule, name: string): void {
  if (!merged.policies.includes(name)) merged.policies = [...merged.policies, name]
  for (const capability of rule.capabilities) {
    merged.capabilities.add(capability)
    merged.granting.set(capability, [...new Set([...(merged.granting.get(capability) ?? []), name])])
  }
  if (rule.allowed) merged.allowed = unitedParameters(merged.allowed ?? new Map(), rule.allowed)
  if (rule.denied) merged.denied = unitedParameters(merged.denied ?? new Map(), rule.denied)
  merged.required = [...new Set([...merged.required, ...rule.required])]
  merged.minWrappingTtl = lower(merged.minWrappingTtl, rule.minWrappingTtl)
  merged.maxWrappingTtl = lower(merged.maxWrappingTtl, rule.maxWrappingTtl)
  merged.paginationLimit = lower(merged.paginationLimit, rule.paginationLimit)
  const filter = rule.keyFilter
  if (filter && !merged.filters.some(({ text }) => text === filter.text)) merged.filters = [...merged.filters, filter]
}

const lower = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
