import type { Capability } from '../contract/identity.ts'
import type { PathRule } from './document.ts'
import type { KeyFilter } from './key-filter.ts'
import { compilePattern, matches, matchesSegments, precedence } from './pattern.ts'
import type { Pattern } from './pattern.ts'
import type { ParameterRules } from './parameters/values.ts'

/** All rules with one pattern, united. */
export interface Merged {
  readonly pattern: Pattern
  /** The path as it was written. */
  readonly source: string
  /** Names of the policies that have a rule with this pattern. */
  readonly policies: string[]
  /** Templates that were resolved to this pattern. */
  readonly templates: { readonly policy: string; readonly path: string }[]
  readonly capabilities: Set<Capability>
  /** The policies that give each capability. */
  readonly granting: Map<Capability, string[]>
  readonly allowed: Map<string, unknown[]>
  readonly denied: Map<string, unknown[]>
  readonly required: Set<string>
  minWrappingTtl: number | undefined
  maxWrappingTtl: number | undefined
  paginationLimit: number | undefined
  /** By their source. A listed name must pass each of them. */
  readonly filters: Map<string, KeyFilter>
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
  readonly #lengths: number[] = []
  /** By their source. */
  readonly #segments = new Map<string, Merged>()

  get exact(): Iterable<Merged> {
    return this.#exact.values()
  }

  get prefixes(): Iterable<Merged> {
    return this.#prefixes.values()
  }

  all(): Merged[] {
    return [...this.#exact.values(), ...this.#prefixes.values(), ...this.#segments.values()]
  }

  /** The one deciding rule. With `folders` the path is tried without its trailing slash as well. */
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
    if (this.#segments.size === 0) return best
    const segments = path.split('/')
    for (const rule of this.#segments.values()) {
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
    const [direct = [], templated = []] = paths.map((one) => this.#wildcards(one))
    const earlier = new Set(direct)
    return [
      ...exact.flatMap((rule, at) => (rule ? [{ rule, bare: at === 1 }] : [])),
      ...direct.map((rule) => ({ rule, bare: false })),
      ...templated.filter((rule) => !earlier.has(rule)).map((rule) => ({ rule, bare: true })),
    ]
  }

  #wildcards(path: string): Merged[] {
    const segments = path.split('/')
    const prefixes = [...this.#prefixes.values()].filter(({ pattern }) => matches(pattern, path))
    const others = [...this.#segments.values()].filter(({ pattern }) => matchesSegments(pattern, segments))
    return [...prefixes, ...others].sort((a, b) => precedence(b.pattern, a.pattern))
  }

  /**
   * Adds a rule of a policy to those with the same pattern, and returns them.
   * @param source the path to show, if that of the rule was folded
   */
  add(rule: PathRule, name: string, source = rule.path): Merged {
    const pattern = compilePattern(rule.path)
    const merged = this.#find(pattern) ?? this.#make(pattern, source)
    unite(merged, rule, name)
    return merged
  }

  #make(pattern: Pattern, source: string): Merged {
    const rule = emptyRule(pattern, source)
    if (pattern.kind === 'exact') this.#exact.set(pattern.stem, rule)
    else if (pattern.kind === 'prefix') this.#addPrefix(pattern.stem, rule)
    else this.#segments.set(pattern.text, rule)
    return rule
  }

  #find(pattern: Pattern): Merged | undefined {
    if (pattern.kind === 'exact') return this.#exact.get(pattern.stem)
    if (pattern.kind === 'prefix') return this.#prefixes.get(pattern.stem)
    return this.#segments.get(pattern.text)
  }

  #addPrefix(stem: string, rule: Merged): void {
    this.#prefixes.set(stem, rule)
    const { length } = stem
    let [low, high] = [0, this.#lengths.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#lengths[middle] as number) > length) low = middle + 1
      else high = middle
    }
    if (this.#lengths[low] !== length) this.#lengths.splice(low, 0, length)
  }
}

/** A rule with this pattern without capabilities yet. */
function emptyRule(pattern: Pattern, source: string): Merged {
  return {
    pattern,
    source,
    policies: [],
    templates: [],
    capabilities: new Set(),
    granting: new Map(),
    allowed: new Map(),
    denied: new Map(),
    required: new Set(),
    minWrappingTtl: undefined,
    maxWrappingTtl: undefined,
    paginationLimit: undefined,
    filters: new Map(),
  }
}

/** A separate rule that denies all paths that match its pattern. */
export function denying(pattern: Pattern, source: string, name: string): Merged {
  return { ...emptyRule(pattern, source), policies: [name], capabilities: new Set(['deny']) }
}

/** The contribution of one policy to a rule. Policies are added one after another: the name that was added last is that of the same policy. */
function unite(merged: Merged, rule: PathRule, name: string): void {
  addName(merged.policies, name)
  for (const capability of rule.capabilities) {
    merged.capabilities.add(capability)
    const names = merged.granting.get(capability) ?? []
    addName(names, name)
    merged.granting.set(capability, names)
  }
  if (rule.allowed) uniteParameters(merged.allowed, rule.allowed)
  if (rule.denied) uniteParameters(merged.denied, rule.denied)
  for (const required of rule.required) merged.required.add(required)
  merged.minWrappingTtl = lower(merged.minWrappingTtl, rule.minWrappingTtl)
  merged.maxWrappingTtl = lower(merged.maxWrappingTtl, rule.maxWrappingTtl)
  merged.paginationLimit = lower(merged.paginationLimit, rule.paginationLimit)
  if (rule.keyFilter) merged.filters.set(rule.keyFilter.text, rule.keyFilter)
}

function addName(names: string[], name: string): void {
  if (names.at(-1) !== name) names.push(name)
}

/** Values of one name add up; an empty list means any value and swallows the rest. */
function uniteParameters(all: Map<string, unknown[]>, more: ParameterRules): void {
  for (const [name, values] of more) {
    const old = all.get(name)
    if (!old) all.set(name, [...values])
    else if (values.length === 0) old.length = 0
    else if (old.length > 0) for (const value of values) old.push(value)
  }
}

const lower = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined ? b : b === undefined ? a : Math.min(a, b)
