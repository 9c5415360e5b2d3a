import { parseDuration } from '../../util/duration.ts'
import { isPattern } from './glob.ts'
import { HclError, once } from '../../util/hcl/values.ts'
import type { HclItem, HclValue, Position } from '../../util/hcl/values.ts'

/** Values of a parameter, by lower-case name. An empty list means any value. */
export type ParameterRules = ReadonlyMap<string, readonly unknown[]>

/** The limits of one rule, so that the time of a check does not depend on the rule. */
export const ruleLimits = {
  /** Names in each of `allowed_parameters`, `denied_parameters` and `required_parameters`. */
  names: 1000,
  /** Values of one name. */
  values: 1000,
  /** Of these, patterns: each is tried on its own. */
  patterns: 50,
  /** Characters of a path, a name or a template. No request line is longer than 16 KiB. */
  text: 8192,
} as const

/** The members of a block. @param key names it in errors */
export function membersOf(value: HclValue, key: string): readonly HclItem[] {
  if (value.kind !== 'object') throw new HclError(`"${key}" must be an object`, value.at)
  return value.items
}

/** A non-empty string. */
export function textOf(value: HclValue, key: string): string {
  if (value.kind !== 'string') throw new HclError(`"${key}" must be a string in double quotes`, value.at)
  if (value.value.length > ruleLimits.text)
    throw new HclError(`a string of "${key}" is longer than ${ruleLimits.text} characters`, value.at)
  return value.value
}

/** A list of strings. */
export function textsOf(value: HclValue, key: string): string[] {
  if (value.kind !== 'list') throw new HclError(`"${key}" must be a list of strings`, value.at)
  return value.items.map((item) => textOf(item, key))
}

/** The names of `required_parameters`. An empty list would have no effect. */
export function requiredOf(value: HclValue, key: string): ReadonlySet<string> {
  const names = textsOf(value, key)
  if (names.length === 0) throw emptied(value, key)
  if (names.includes('')) throw new HclError(`"${key}" holds an empty name: no request has such a parameter`, value.at)
  if (names.length > ruleLimits.names) throw new HclError(`"${key}" has more than ${ruleLimits.names} names`, value.at)
  return new Set(names)
}

/** Integer seconds, one or more: a limit of zero would have no effect. */
export function secondsOf(value: HclValue, key: string): number {
  const seconds = value.kind === 'number' || value.kind === 'string' ? parseDuration(value.value) : undefined
  if (seconds === undefined) throw new HclError(`"${key}" must be a duration such as "5m" or 300`, value.at)
  if (seconds === 0)
    throw new HclError(
      `"${key}" must be one second or longer: zero bounds nothing; leave it out for no bound`,
      value.at,
    )
  return seconds
}

/** A whole number above zero. */
export function wholeOf(value: HclValue, key: string): number {
  if (value.kind !== 'number' || !Number.isSafeInteger(value.value))
    throw new HclError(`${key} must be a whole number`, value.at)
  if (value.value <= 0)
    throw new HclError(`${key} must be 1 or more: it would limit nothing; leave it out for no limit`, value.at)
  return value.value
}

/** Epoch milliseconds, from a time as in RFC 3339 or from Unix seconds. */
export function timeOf(value: HclValue, key: string): number {
  const text = value.kind === 'number' ? value.literal : textOf(value, key)
  // Date.parse alone accepts many more forms, some of them in the machine's local time.
  const time = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : /^[1-9]\d{0,11}$/.test(text)
      ? Number(text) * 1000
      : NaN
  if (Number.isNaN(time))
    throw new HclError(`${key} must be a time such as "2030-01-02T03:04:05Z", or Unix seconds`, value.at)
  return time
}

/** An attribute without effect, contrary to its author's intention. */
function emptied(value: HclValue, key: string): HclError {
  return new HclError(`"${key}" is empty: it would restrict nothing; leave it out, or name what it is about`, value.at)
}

/** Names with their values, from an object, or in JSON also from a list of objects. */
export function parametersOf(value: HclValue, key: string): ParameterRules {
  const bodies = value.kind === 'list' ? value.items : [value]
  const rules = new Map<string, readonly unknown[]>()
  const seen = new Map<string, Position>()
  for (const body of bodies) {
    const items = membersOf(body, key)
    if (items.length === 0) throw emptied(body, key)
    for (const item of items) {
      const name = item.key.toLowerCase()
      // A name in two cases is one parameter: an empty list in one would undo the values in the other.
      once(seen, name, item.at)
      if (rules.size >= ruleLimits.names)
        throw new HclError(`"${key}" has more than ${ruleLimits.names} names`, item.at)
      rules.set(name, valuesOf(item, key))
    }
  }
  if (rules.size === 0) throw emptied(value, key)
  return rules
}

function valuesOf({ key: name, value, labels, at }: HclItem, key: string): readonly unknown[] {
  if (value.kind !== 'list' || labels.length > 0)
    throw new HclError(`"${key}": the values of "${name.slice(0, 100)}" must be a list`, at)
  if (name === '' || name.length > ruleLimits.text)
    throw new HclError(`"${key}" has a name that is empty or longer than ${ruleLimits.text} characters`, at)
  if (value.items.length > ruleLimits.values)
    throw new HclError(`"${key}": "${name}" has more than ${ruleLimits.values} values`, at)
  const values = value.items.map(plain)
  if (values.filter(isPattern).length > ruleLimits.patterns)
    throw new HclError(`"${key}": "${name}" has more than ${ruleLimits.patterns} patterns among its values`, at)
  for (const [index, item] of value.items.entries()) {
    if (sizeOf(values[index]) > ruleLimits.values)
      throw new HclError(`"${key}": a value of "${name}" has more than ${ruleLimits.values} members`, item.at)
    if (isEmpty(values[index]))
      throw new HclError(
        `"${key}": a value of "${name}" is null, or an empty list or object: it would match nothing`,
        item.at,
      )
  }
  return values
}

const isEmpty = (value: unknown): boolean =>
  value === null || (typeof value === 'object' && Object.keys(value).length === 0)

const sizeOf = (value: unknown): number =>
  typeof value === 'object' && value !== null
    ? Object.values(value).reduce<number>((sum, member) => sum + sizeOf(member), 0)
    : 1

/** A value as plain data. */
export function plain(value: HclValue): unknown {
  switch (value.kind) {
    case 'list':
      return value.items.map(plain)
    case 'object':
      return Object.fromEntries(value.items.map((item) => [item.key, plain(item.value)]))
    case 'null':
      return null
    case 'string':
    case 'number':
    case 'bool':
      return value.value
  }
}
