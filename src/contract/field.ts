import { refuse } from './fault.ts'
import {
  asString,
  asInt,
  asNumber,
  asBool,
  isBlank,
  asList,
  asStrings,
  asMap,
  asObject,
  asDuration,
  asObjects,
  asBytes,
} from './wire/weak-types.ts'

/**
 * One parameter of a route: how it is read from weakly typed input (Vault accepts "5" for 5 and "a,b" for a list), and
 * its description for help, OpenAPI and docs. Handlers get a `T`.
 */
export interface Field<T> {
  readonly kind: FieldKind
  readonly about: string
  /** The value for handlers when the caller did not set it. */
  readonly fallback: T
  /** Never shown in help output or errors. */
  readonly sensitive: boolean
  /** The newer name of the same parameter: a policy rule about one of the names applies to the other. */
  readonly sameAs?: string
  /** Lists and maps only. */
  readonly parse: (value: unknown) => T | undefined
  /** The value of JSON null: the zero value, as if it was set. */
  readonly zero: T
  /** The parameter restricts something: an empty value is refused, so that it is never taken for "no limit". */
  readonly isLimiting: boolean
  /** A list of items: the names of their parameters, which are parameters of the same route. Policy rules about these apply to each item. */
  readonly itemNames?: readonly string[]
  /** See `Forms`. Policy rules about any of these values apply. */
  readonly forms?: Forms
  /** The value that something new gets when the parameter is left out. Policy rules that deny it apply where a route creates. */
  readonly initial?: unknown
  /** A member of a response that may be null. */
  readonly isNullable?: true
}

/**
 * Other spellings of what a route takes for a parameter: from its value (undefined: left out, null or empty) and the other
 * parameters, those of the path included. None when only the value itself counts.
 */
export type Forms = (value: unknown, others: Readonly<Record<string, unknown>>) => readonly unknown[]

/** A path with and without slashes at its ends, where the route cuts them. */
export const pathForms: Forms = (value) => {
  const path = typeof value === 'string' ? value.replace(/^\/|\/$/g, '') : ''
  return path === '' ? [] : [path, `${path}/`, `/${path}`, `/${path}/`]
}

export type FieldKind =
  'string' | 'bool' | 'int' | 'number' | 'duration' | 'list' | 'map' | 'object' | 'array' | 'base64' | 'any'

export type Fields = Readonly<Record<string, Field<unknown>>>

/** The types a handler gets for its fields. */
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }

function optional<T>(kind: FieldKind, about: string, zero: T, parse: (value: unknown) => T | undefined): Optional<T> {
  return new Optional({
    kind,
    about,
    zero,
    parse,
    fallback: undefined,
    sensitive: false,
    isLimiting: false,
  })
}

type Shape<T, D> = Omit<Field<T>, 'fallback' | 'parse' | 'zero'> & {
  readonly fallback: D
  readonly zero: T
  readonly parse: (value: unknown) => T | undefined
}

/** A field that is undefined unless set; `.or(x)` adds a default. */
class Optional<T> implements Field<T | undefined> {
  readonly kind: FieldKind
  readonly about: string
  readonly fallback: T | undefined
  readonly sensitive: boolean
  readonly sameAs?: string
  readonly zero: T | undefined
  readonly isLimiting: boolean
  readonly itemNames?: readonly string[]
  readonly forms?: Forms
  readonly initial?: unknown
  readonly isNullable?: true
  readonly parse: (value: unknown) => T | undefined

  constructor(shape: Shape<T, T | undefined>) {
    this.kind = shape.kind
    this.about = shape.about
    this.fallback = shape.fallback
    this.sensitive = shape.sensitive
    if (shape.sameAs !== undefined) this.sameAs = shape.sameAs
    this.zero = shape.zero
    this.isLimiting = shape.isLimiting
    if (shape.itemNames) this.itemNames = shape.itemNames
    if (shape.forms) this.forms = shape.forms
    if (shape.initial !== undefined) this.initial = shape.initial
    if (shape.isNullable) this.isNullable = true
    this.parse = shape.parse
  }

  /** The same field with a default. */
  or(fallback: T): Field<T> {
    return { ...this.#copy(), fallback }
  }

  /** The same field, marked as a secret. */
  secret(): Optional<T> {
    return new Optional({ ...this.#copy(), sensitive: true })
  }

  /** The same field, as one that restricts something. An empty array, where it is possible, still means "no limit". */
  limiting(): Optional<T> {
    return new Optional({ ...this.#copy(), isLimiting: true })
  }

  /** The same field, as another name of a parameter. */
  alias(sameAs: string): Optional<T> {
    return new Optional({ ...this.#copy(), sameAs })
  }

  /** The same field, as a list of items with these parameters of the route. */
  batch(itemNames: readonly string[]): Optional<T> {
    return new Optional({ ...this.#copy(), itemNames })
  }

  /** The same field, with other spellings of its values. */
  reads(forms: Forms): Optional<T> {
    return new Optional({ ...this.#copy(), forms })
  }

  /** The same field, with the value that something new gets when it is left out. A change without it changes nothing. */
  initially(initial: unknown): Optional<T> {
    return new Optional({ ...this.#copy(), initial })
  }

  /** The same field, as a member of a response that may be null. */
  orNull(): Optional<T> {
    return new Optional({ ...this.#copy(), isNullable: true })
  }

  #copy(): Shape<T, T | undefined> {
    const { kind, about, fallback, sensitive, sameAs, zero, isLimiting, itemNames, forms, initial, isNullable, parse } = this // prettier-ignore
    const more = {
      ...(sameAs !== undefined && { sameAs }),
      ...(itemNames && { itemNames }),
      ...(forms && { forms }),
      ...(initial !== undefined && { initial }),
      ...(isNullable && { isNullable }),
    }
    return { kind, about, fallback, sensitive, ...more, zero: zero as T, isLimiting, parse }
  }
}

/** The kinds of fields. Each accepts exactly the input that Vault's weak typing accepts. */
export const f = {
  string: (about: string) => optional('string', about, '', asString),
  bool: (about: string) => optional('bool', about, false, asBool),
  /** Any finite number. */
  number: (about: string) => optional('number', about, 0, asNumber),
  int: (about: string) => optional('int', about, 0, asInt),
  /** Whole seconds, from `30`, `"30"`, `"1h30m"`. */
  duration: (about: string) => optional('duration', about, 0, asDuration),
  /** Strings, from an array or `"a,b"`. */
  list: (about: string) => optional('list', about, [] as readonly string[], asList),
  /** Strings, from an array or one string that is not split. */
  texts: (about: string) => optional('list', about, [] as readonly string[], asStrings),
  /** Strings by name, from an object or `["k=v"]`. */
  map: (about: string) => optional<Readonly<Record<string, string>>>('map', about, {}, asMap),
  /** Any JSON object. */
  object: (about: string) => optional<Readonly<Record<string, unknown>>>('object', about, {}, asObject),
  /** An array of objects (batches). */
  array: (about: string) => optional<readonly Readonly<Record<string, unknown>>[]>('array', about, [], asObjects),
  /** Bytes, from strict standard base64. */
  base64: (about: string) => optional('base64', about, new Uint8Array() as Uint8Array, asBytes),
  /** Any value. */
  any: (about: string) => optional<unknown>('any', about, undefined, (value) => value),
}

/**
 * Reads one route's fields from unvalidated input. Null counts as the zero value, except for limiting fields: there it
 * counts as left out.
 * @throws Fault invalid_request naming the field (never its value) that cannot be read.
 */
export function readFields<F extends Fields>(fields: F, data: Readonly<Record<string, unknown>>): Values<F> {
  const values: Record<string, unknown> = {}
  for (const name in fields) values[name] = readField(name, fields[name] as Field<unknown>, data)
  return values as Values<F>
}

function readField(name: string, field: Field<unknown>, data: Readonly<Record<string, unknown>>): unknown {
  if (!Object.hasOwn(data, name) || data[name] === undefined) return field.fallback
  const value = data[name]
  if (field.isLimiting && isEmpty(field.kind, value))
    throw refuse(`"${name}" was given without a value, and without it more is allowed: give a value or leave it out`)
  if (countsAsAbsent(field, value)) return field.fallback
  if (value === null) return field.zero
  const parsed = field.parse(value)
  if (parsed === undefined && field.kind === 'duration' && isNegative(value)) throw refuse(`${name} must be positive`)
  if (parsed === undefined && field.kind !== 'any') {
    throw refuse(
      `Field validation failed: error converting input for field "${name}": expected ${expected[field.kind]}`,
    )
  }
  return parsed
}

/** An empty array clears a list, and null counts as left out; an empty string is more likely a variable that was not set. */
const isEmpty = (kind: FieldKind, value: unknown): boolean =>
  value === null ? kind === 'int' : typeof value === 'string' && isBlank(value)

/** The value for a route; undefined when it is refused. A value that counts as absent and has no default gives the zero value. */
export function readAs<T>(field: Field<T>, value: unknown): T | undefined {
  if (countsAsAbsent(field, value)) return field.fallback ?? (field.initial as T | undefined) ?? field.zero
  return value === null ? field.zero : field.parse(value)
}

/** As the recorded servers do. */
function countsAsAbsent({ kind, isLimiting }: Field<unknown>, value: unknown): boolean {
  if (value === null && isLimiting) return true
  if (kind === 'duration') return value === null
  if (kind === 'int') return value === ''
  return kind === 'map' && Array.isArray(value) && value.length === 0
}

const isNegative = (value: unknown): boolean => /^-\s*\d/.test(asString(value) ?? '')

const expected: Readonly<Record<FieldKind, string>> = {
  string: 'a string',
  bool: 'true or false',
  int: 'a whole number',
  number: 'a number',
  duration: 'a duration such as 30, "30s" or "1h30m", not negative and not between 0 and 1 second',
  list: 'a list of strings or a string with commas, not an empty one',
  map: 'an object of strings or a list of "key=value"',
  object: 'an object',
  array: 'a list of objects',
  base64: 'standard base64 with padding',
  any: 'a value',
}
