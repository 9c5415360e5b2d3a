import { byteOrder } from '../../util/bytes.ts'
import { Numeral, writeJson } from '../../util/json.ts'

/** How JSON is written: on one line, or indented by two blanks. */
interface JsonStyle {
  readonly compact?: boolean
}

/**
 * JSON in Go's format: indented by two spaces, `<>&` escaped, numbers as the server wrote them. Members keep their
 * order; a Map is an object with any keys.
 */
export function json(value: unknown, style: JsonStyle = {}): string {
  const text = style.compact ? compact(value) : pretty(value, '')
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const isLeaf = (value: unknown): boolean => value instanceof Numeral || typeof value !== 'object' || value === null

function pretty(value: unknown, indent: string): string {
  if (isLeaf(value)) return writeJson(value)
  const deeper = `${indent}  `
  const isList = Array.isArray(value)
  const items = isList
    ? value.map((item) => deeper + pretty(item, deeper))
    : membersOf(value).map(([name, member]) => `${deeper}${JSON.stringify(name)}: ${pretty(member, deeper)}`)
  const [open, close] = isList ? '[]' : '{}'
  return items.length === 0 ? `${open}${close}` : `${open}\n${items.join(',\n')}\n${indent}${close}`
}

function compact(value: unknown): string {
  if (isLeaf(value)) return writeJson(value)
  if (Array.isArray(value)) return `[${value.map(compact).join(',')}]`
  return `{${sortedMembers(value)
    .map(([name, member]) => `${JSON.stringify(name)}:${compact(member)}`)
    .join(',')}}`
}

/** The members of an object or Map, without the undefined ones. */
export function membersOf(value: unknown): readonly (readonly [string, unknown])[] {
  const members = value instanceof Map ? [...(value as Map<string, unknown>)] : Object.entries(value as object)
  return members.filter(([, member]) => member !== undefined)
}

function sortedMembers(value: unknown): readonly (readonly [string, unknown])[] {
  return [...membersOf(value)].sort(([a], [b]) => byteOrder(a, b))
}

/**
 * Objects, at every depth, as Maps in the order of their keys' bytes, as Go writes its maps. Maps, because an object
 * puts keys that look like numbers first.
 */
export function sorted(value: unknown): unknown {
  if (isLeaf(value)) return value
  if (Array.isArray(value)) return value.map(sorted)
  return new Map(sortedMembers(value).map(([name, member]) => [name, sorted(member)]))
}
