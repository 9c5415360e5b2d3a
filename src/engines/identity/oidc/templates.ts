import { randomUUID } from 'node:crypto'
import { refuse } from '../../../contract/fault.ts'
import type { Principal, PrincipalAlias } from '../../../contract/identity.ts'
import { fromBase64, textOrNone, utf8 } from '../../../util/bytes.ts'
import { parseDuration } from '../../../util/duration.ts'
import { JsonError, jsonLimits } from '../../../util/json-limits.ts'
import { Numeral, readJson } from '../../../util/json.ts'
import { isObject } from '../../../util/stored/shape.ts'

/** Claims that only the server sets. */
const reserved = ['iat', 'aud', 'exp', 'iss', 'sub', 'namespace', 'nonce', 'auth_time', 'at_hash', 'c_hash']

/** The maximum length of a template, characters: it is evaluated for each token. */
const longest = 16 * 1024
const limits = { ...jsonLimits, depth: 16, tokens: 2000, containers: 500, names: 1000 }

/** The input of the directives of a template. */
interface TemplateValues {
  readonly principal: Principal
  /** Epoch seconds. */
  readonly now: number
}

/** The value of one directive. */
type Directive = (values: TemplateValues) => unknown

/** A parsed template. */
interface ClaimTemplate {
  /** The names of the claims that it sets. */
  readonly names: readonly string[]
  readonly claims: (values: TemplateValues) => Readonly<Record<string, unknown>>
}

/** The text of a template, which may be encoded in base64. */
export function templateText(encoded: string): string {
  if (encoded.trim() === '' || encoded.trimStart().startsWith('{')) return encoded.trim()
  const bytes = fromBase64(encoded.trim())
  return (bytes && textOrNone(bytes)) ?? encoded
}

/**
 * Parses a template: JSON with directives `{{...}}` in place of values. The value of a directive is inserted as a JSON value,
 * whatever characters it has, and is not parsed again.
 * @param text '' : no claims
 * @throws Fault invalid_request
 */
export function readTemplate(text: string): ClaimTemplate {
  if (text === '') return { names: [], claims: () => ({}) }
  if (text.length > longest) throw refuse(`a template can have at most ${longest} characters`)
  const directives = new Map<string, Directive>()
  const tree = parsed(withMarks(text, directives))
  const names = Object.keys(tree)
  const forbidden = names.find((name) => reserved.includes(name))
  if (forbidden !== undefined)
    throw refuse(`top level key "${forbidden}" not allowed. Restricted keys: ${reserved.join(', ')}`)
  refuseMarkedNames(tree, directives)
  return {
    names,
    claims: (values) => filled(tree, directives, values) as Readonly<Record<string, unknown>>,
  }
}

/** The template with an unpredictable string in place of each directive. */
function withMarks(text: string, directives: Map<string, Directive>): string {
  const pieces = text.split('{{')
  let marked = pieces[0] ?? ''
  for (const piece of pieces.slice(1)) {
    const end = piece.indexOf('}}')
    if (end < 0) throw refuse('error parsing template: unbalanced templating characters')
    const mark = randomUUID()
    directives.set(mark, directiveOf(piece.slice(0, end).trim()))
    marked += `"${mark}"${piece.slice(end + 2)}`
  }
  return marked
}

function parsed(marked: string): Readonly<Record<string, unknown>> {
  let tree: unknown
  try {
    tree = readJson(utf8(marked), limits)
  } catch (thrown) {
    if (thrown instanceof JsonError)
      throw refuse(`error parsing template JSON: ${thrown.message}; a directive replaces a value, without quotes around it`) // prettier-ignore
    throw thrown
  }
  if (!isObject(tree)) throw refuse('error parsing template JSON: a template must be an object')
  return tree
}

function refuseMarkedNames(tree: unknown, directives: ReadonlyMap<string, Directive>): void {
  if (Array.isArray(tree)) for (const item of tree) refuseMarkedNames(item, directives)
  if (!isObject(tree)) return
  for (const [name, value] of Object.entries(tree)) {
    if (directives.has(name)) throw refuse('error parsing template: a directive cannot be the name of a claim')
    refuseMarkedNames(value, directives)
  }
}

function filled(tree: unknown, directives: ReadonlyMap<string, Directive>, values: TemplateValues): unknown {
  if (typeof tree === 'string') return directives.has(tree) ? directives.get(tree)?.(values) : tree
  if (tree instanceof Numeral) return tree
  if (Array.isArray(tree)) return tree.map((item) => filled(item, directives, values))
  if (!isObject(tree)) return tree
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, filled(value, directives, values)]))
}

const unknown = () => refuse('error parsing template: no value could be found for one of the template directives')

function directiveOf(expression: string): Directive {
  const [root, kind, ...rest] = expression.split('.')
  if (root === 'time' && kind === 'now') return timeOf(rest)
  if (root !== 'identity') throw unknown()
  if (kind === 'groups')
    throw refuse(
      'error parsing template: identity.groups is for policies; identity.entity.groups.names lists the groups',
    )
  if (kind !== 'entity') throw unknown()
  return entityDirective(rest)
}

function timeOf([sign, ...rest]: readonly string[]): Directive {
  if (sign === undefined) return ({ now }) => now
  const seconds = parseDuration(rest.join('.'))
  if ((sign !== 'plus' && sign !== 'minus') || seconds === undefined) throw unknown()
  return ({ now }) => (sign === 'plus' ? now + seconds : now - seconds)
}

function entityDirective([member, ...rest]: readonly string[]): Directive {
  const key = rest.join('.')
  if (member === 'metadata')
    return ({ principal: { entity } }) => (rest.length === 0 ? entity.metadata : valueOf(entity.metadata, key))
  if (member === 'aliases') return aliasDirective(rest)
  if (member === 'groups' && key === 'ids') return ({ principal }) => principal.groups.map(({ id }) => id)
  if (member === 'groups' && key === 'names') return ({ principal }) => principal.groups.map(({ name }) => name)
  if (rest.length > 0) throw unknown()
  if (member === 'id') return ({ principal: { entity } }) => entity.id
  if (member === 'name') return ({ principal: { entity } }) => entity.name
  throw unknown()
}

/** The alias of a mount, by accessor; an entity has at most one. */
function aliasDirective([accessor, member, ...rest]: readonly string[]): Directive {
  const alias = ({ principal }: TemplateValues): PrincipalAlias | undefined =>
    principal.entity.aliases.find(({ mountAccessor }) => mountAccessor === accessor)
  const key = rest.join('.')
  if (member === 'metadata' || member === 'custom_metadata') {
    const map = (values: TemplateValues) =>
      (member === 'metadata' ? alias(values)?.metadata : alias(values)?.customMetadata) ?? {}
    return (values) => (rest.length === 0 ? map(values) : valueOf(map(values), key))
  }
  if (rest.length > 0) throw unknown()
  if (member === 'id') return (values) => alias(values)?.id ?? ''
  if (member === 'name') return (values) => alias(values)?.name ?? ''
  throw unknown()
}

/** The value of a key, which may have dots; '' if absent. */
const valueOf = (map: Readonly<Record<string, string>>, key: string): string =>
  Object.hasOwn(map, key) ? (map[key] ?? '') : ''
