import type { Principal, PrincipalAlias, PrincipalGroup } from '../../contract/identity.ts'
import { unprintable } from '../../util/printable.ts'
import type { PathRule } from '../document.ts'
import { ruleLimits } from '../parameters/values.ts'
import { compilePattern } from '../pattern.ts'
import type { Pattern } from '../pattern.ts'

/** The additional characters that a policy allows in the values of its templates. */
export interface TemplateOptions {
  /** `*` and `+`, literally: they are never wildcards. */
  readonly wildcards: boolean
  readonly slashes: boolean
}

/** Why a template has no path: the principal lacks the value, or the value is not allowed in a path. */
export type Unresolved = 'template' | 'value'

/** The path of a template, or why there is none. */
type Rendered = { readonly path: string } | { readonly why: Unresolved }

const strict: TemplateOptions = { wildcards: false, slashes: false }
const braces = /\{\{|\}\}/
const expression = /\{\{.*?\}\}/gs
/** In addition to characters that no request path can have (`apiPath`). */
const neverInValues = /["{}]/
/** Most values consist of these characters only, which is fast to check. */
const usual = /^[\w-]+$/
const wildcard = /[*+]/

/** The values that templates may name of one principal. Without a principal no template has a path. */
export class TemplateResolver {
  readonly #principal: Principal | undefined
  readonly #aliases: ReadonlyMap<string, PrincipalAlias | undefined>
  readonly #groupsById: ReadonlyMap<string, PrincipalGroup | undefined>
  readonly #groupsByName: ReadonlyMap<string, PrincipalGroup | undefined>

  constructor(principal: Principal | undefined) {
    this.#principal = principal
    this.#aliases = unambiguous(principal?.entity.aliases ?? [], ({ mountAccessor }) => mountAccessor)
    this.#groupsById = unambiguous(principal?.groups ?? [], ({ id }) => id)
    this.#groupsByName = unambiguous(principal?.groups ?? [], ({ name }) => name)
  }

  /**
   * The path of a template. Each value is literal: it is not parsed again for braces,
   * and the path has the wildcards of the template, not one more.
   */
  render(template: string, options: TemplateOptions = strict): Rendered {
    let path = ''
    let hasWildcards = false
    // The braces are balanced: every second piece stands between two of them.
    for (const [at, piece] of template.split(braces).entries()) {
      const value = at % 2 === 0 ? piece : this.#valueOf(piece.trim())
      if (value === undefined) return { why: 'template' }
      if (at % 2 === 1 && !fits(value, options)) return { why: 'value' }
      if (at % 2 === 1) hasWildcards ||= wildcard.test(value)
      path += value
    }
    const isLiteral = path.length <= ruleLimits.text && (!hasWildcards || hasSameWildcards(path, template))
    return isLiteral ? { path } : { why: 'value' }
  }

  #valueOf(name: string): string | undefined {
    const entity = this.#principal?.entity
    const [root, kind, ...rest] = name.split('.')
    if (!entity || root !== 'identity') return undefined
    if (kind === 'groups') return this.#ofGroup(rest)
    if (kind !== 'entity') return undefined
    const [member, key, ...more] = rest
    if (member === 'aliases') return key === undefined ? undefined : this.#ofAlias(this.#aliases.get(key), more)
    return common(entity, rest)
  }

  #ofAlias(alias: PrincipalAlias | undefined, rest: readonly string[]): string | undefined {
    if (!alias) return undefined
    const [member, ...key] = rest
    return member === 'custom_metadata' ? ofMap(alias.customMetadata, key) : common(alias, rest)
  }

  #ofGroup([by, which, ...rest]: readonly string[]): string | undefined {
    if (which === undefined || (by !== 'ids' && by !== 'names')) return undefined
    const group = (by === 'ids' ? this.#groupsById : this.#groupsByName).get(which)
    return group && common(group, rest)
  }
}

interface Named {
  readonly id: string
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
}

function common({ id, name, metadata }: Named, [member, ...key]: readonly string[]): string | undefined {
  if (member === 'metadata') return ofMap(metadata, key)
  if (key.length > 0) return undefined
  return member === 'id' ? id : member === 'name' ? name : undefined
}

/** A key may have dots. */
function ofMap(map: Readonly<Record<string, string>>, parts: readonly string[]): string | undefined {
  const key = parts.join('.')
  return Object.hasOwn(map, key) ? map[key] : undefined
}

/** A name shared by two groups refers to neither: undefined (CVE-2021-43998). */
function unambiguous<T>(all: readonly T[], key: (one: T) => string): ReadonlyMap<string, T | undefined> {
  const map = new Map<string, T | undefined>()
  for (const one of all) map.set(key(one), map.has(key(one)) ? undefined : one)
  return map
}

/** Whether a value is allowed in a path. An empty one would leave a prefix without its end. */
function fits(value: string, { wildcards, slashes }: TemplateOptions): boolean {
  if (usual.test(value)) return true
  if (value === '' || neverInValues.test(value) || unprintable.test(value) || (!wildcards && wildcard.test(value)))
    return false
  const segments = value.split('/')
  if (segments.length > 1 && !slashes) return false
  return segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..')
}

/** Whether no value has become a wildcard: a whole segment `+`, or a `*` at the end. */
function hasSameWildcards(path: string, template: string): boolean {
  const [actual, withPlaceholders] = [path, template.replaceAll(expression, 'x')].map(compilePattern)
  return actual?.prefix === withPlaceholders?.prefix && actual?.plusses === withPlaceholders?.plusses
}

/**
 * The paths that a `deny` with an unresolvable template denies: all that begin with the part before the template, in any
 * letter case. Without the rule, these paths would be allowed.
 */
export function closedBy(rule: PathRule): Pattern {
  return compilePattern(`${rule.path.slice(0, rule.path.indexOf('{{'))}*`.toLowerCase())
}
