import { fromBase64 } from '../util/bytes.ts'
import { parseDuration } from '../util/duration.ts'
import { parseGoBool } from '../util/go-bool.ts'
import { Numeral } from '../util/json.ts'
import { refuse } from './fault.ts'

/**
 * One parameter of a route: how it is read from weakly typed input (Vault accepts "5" for 5 and "a,b" for a list), and
 * what help, OpenAPI and docs say of it. `T` is what the handler gets.
 */
export interface Field<T> {
  readonly kind: FieldKind
  readonly about: string
  /** What a handler gets when the caller did not give it. */
  readonly fallback: T
  /** Never shown in help output or errors. */
  readonly sensitive: boolean
  /** The newer name of the same thing: what a policy says of one of the names holds for the other. */
  readonly sameAs?: string
  /** Lists and maps only. */
  readonly parse: (value: unknown) => T | undefined
  /** What JSON null gives: the zero value, as if given. */
  readonly zero: T
  /** Less is allowed with it than without: a value that holds nothing is refused, so that it is never taken for "no limit". */
  readonly isLimiting: boolean
  /** A list of items that each have parameters of the same route: what a policy says of these holds in each item. */
  readonly isBatch: boolean
}

export type FieldKind =
  'string' | 'bool' | 'int' | 'number' | 'duration' | 'list' | 'map' | 'object' | 'array' | 'base64' | 'any'
export type Fields = Readonly<Record<string, Field<unknown>>>

/** The types a handler gets for its fields. */
export type Values<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never }

function field<T>(kind: FieldKind, about: string, zero: T, parse: (value: unknown) => T | undefined): Optional<T> {
  return new Optional({
    kind,
    about,
    zero,
    parse,
    fallback: undefined,
    sensitive: false,
    isLimiting: false,
    isBatch: false,
  })
}

type Shape<T, D> = Omit<Field<T>, 'fallback' | 'parse' | 'zero'> & {
  readonly fallback: D
  readonly zero: T
  readonly parse: (value: unknown) => T | undefined
}

/** A field that is undefined unless given; `.or(x)` gives it a default. */
class Optional<T> implements Field<T | undefined> {
  readonly kind: FieldKind
  readonly about: string
  readonly fallback: T | undefined
  readonly sensitive: boolean
  readonly sameAs?: string
  readonly zero: T | undefined
  readonly isLimiting: boolean
  readonly isBatch: boolean
  readonly parse: (value: unknown) => T | undefined

  constructor(shape: Shape<T, T | undefined>) {
    this.kind = shape.kind
    this.about = shape.about
    this.fallback = shape.fallback
    this.sensitive = shape.sensitive
    if (shape.sameAs !== undefined) this.sameAs = shape.sameAs
    this.zero = shape.zero
    this.isLimiting = shape.isLimiting
    this.isBatch = shape.isBatch
    this.parse = shape.parse
  }

  /** The same field with a default. */
  or(fallback: T): Field<T> {
    return { ...this.#copy(), fallback } as Field<T>
  }

  /** The same field, marked as a secret. */
  secret(): Optional<T> {
    return new Optional({ ...this.#copy(), sensitive: true })
  }

  /** The same field, of those without which more is allowed. An empty array, where there can be one, still says "no limit". */
  limiting(): Optional<T> {
    return new Optional({ ...this.#copy(), isLimiting: true })
  }

  /** The same field, marked as another name of a thing. */
  alias(sameAs: string): Optional<T> {
    return new Optional({ ...this.#copy(), sameAs })
  }

  /** The same field, marked as a list of items with parameters of the route. */
  batch(): Optional<T> {
    return new Optional({ ...this.#copy(), isBatch: true })
  }

  #copy(): Shape<T, T | undefined> {
    const { kind, about, fallback, sensitive, sameAs, zero, isLimiting, isBatch, parse } = this
    const named = sameAs !== undefined && { sameAs }
    return { kind, about, fallback, sensitive, ...named, zero: zero as T, isLimiting, isBatch, parse }
  }
}

const asText = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  return value instanceof Numeral ? value.literal : undefined
}

/** Decimal only: some readers take `010` for 8 and `0x10` for 16, and a guess would be silent. */
export function wholeNumber(value: unknown): number | undefined {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && wholeText.test(value.trim()) ? Number(value) : NaN
  return Number.isSafeInteger(number) ? number : undefined
}

const wholeText = /^-?(0|[1-9]\d{0,15})$/

const asInt = (value: unknown): number | undefined =>
  typeof value === 'boolean' ? (value ? 1 : 0) : wholeNumber(value)

const asNumber = (value: unknown): number | undefined => {
  const text = asText(value)?.trim()
  const number =
    text !== undefined && typeof value !== 'boolean' && /^[-+]?\d*\.?\d+(e[-+]?\d{1,3})?$/i.test(text)
      ? Number(text)
      : NaN
  return Number.isFinite(number) ? number : undefined
}

const asBool = (value: unknown): boolean | undefined => {
  if (typeof value === 'boolean') return value
  // Of the numbers only these two: 7 is more likely a mistake than a yes.
  if (typeof value === 'number') return value === 1 ? true : value === 0 ? false : undefined
  return typeof value === 'string' ? parseGoBool(value) : undefined
}

const isBlank = (text: string): boolean => text.trim() === ''

/** `a,b` or an array. Blank items are left out; what holds nothing else is no list, and no empty one either. */
function asList(value: unknown): readonly string[] | undefined {
  if (value === '') return []
  const items = Array.isArray(value)
    ? value.map(asText)
    : asText(value)
        ?.split(',', mostParts + 1)
        .map((item) => item.trim())
  // To cut a long text to its end before counting would hold the event loop.
  if (typeof value === 'string' && items && items.length > mostParts) return undefined
  if (!items?.every((item) => item !== undefined)) return undefined
  const held = items.filter((item) => !isBlank(item))
  return held.length === 0 && items.length > 0 ? undefined : held
}

function asTexts(value: unknown): readonly string[] | undefined {
  if (value === '') return []
  const items = Array.isArray(value) ? value.map(asText) : [asText(value)]
  return items.every((item) => item !== undefined) ? items : undefined
}

/** Members of a list that is written as one text: as many as a JSON body may have. */
const mostParts = 100_000

const asMap = (value: unknown): Readonly<Record<string, string>> | undefined => {
  if (Array.isArray(value) || typeof value === 'string') {
    const items = value === '' ? undefined : asList(value)
    if (!items) return undefined
    const pairs = items.map((item) => [item.slice(0, item.indexOf('=')), item.slice(item.indexOf('=') + 1)] as const)
    return items.every((item) => item.includes('=')) ? Object.fromEntries(pairs) : undefined
  }
  if (value === null || typeof value !== 'object') return undefined
  const pairs = Object.entries(value).map(
    ([name, member]) => [name, typeof member === 'boolean' ? (member ? '1' : '0') : asText(member)] as const,
  )
  return pairs.every(([, member]) => member !== undefined)
    ? (Object.fromEntries(pairs) as Record<string, string>)
    : undefined
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Numeral)

/** The kinds of fields. Each takes what Vault's weak typing takes and nothing else. */
export const f = {
  string: (about: string) => field('string', about, '', asText),
  bool: (about: string) => field('bool', about, false, asBool),
  /** Any finite number. */
  number: (about: string) => field('number', about, 0, asNumber),
  int: (about: string) => field('int', about, 0, asInt),
  /** Whole seconds, from `30`, `"30"`, `"1h30m"`. */
  duration: (about: string) =>
    field('duration', about, 0, (value) => (value === '' ? 0 : typeof value === 'number' || typeof value === 'string' ? parseDuration(value) : undefined)),
  /** Texts, from an array or `"a,b"`. */
  list: (about: string) => field('list', about, [] as readonly string[], asList),
  /** Texts, from an array or one text that is not split. */
  texts: (about: string) => field('list', about, [] as readonly string[], asTexts),
  /** Texts by name, from an object or `["k=v"]`. */
  map: (about: string) => field('map', about, {} as Readonly<Record<string, string>>, asMap),
  /** Any JSON object. */
  object: (about: string) => field('object', about, {} as Readonly<Record<string, unknown>>, (value) => (isObject(value) ? value : undefined)),
  /** An array of objects (batches). */
  array: (about: string) =>
    field('array', about, [] as readonly Readonly<Record<string, unknown>>[], (value) => (Array.isArray(value) && value.every(isObject) ? (value as Readonly<Record<string, unknown>>[]) : undefined)),
  /** Bytes, from strict standard base64. */
  base64: (about: string) => field('base64', about, new Uint8Array() as Uint8Array, (value) => (typeof value === 'string' ? fromBase64(value) : undefined)),
  /** Whatever was given. */
  any: (about: string) => field<unknown>('any', about, undefined, (value) => value),
} // prettier-ignore

/**
 * Reads one route's fields from unvalidated input. Null counts as given with the zero value, but where more would be allowed
 * by that: there it counts as left out.
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
  if (field.isLimiting && holdsNothing(field.kind, value))
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

/** An empty array is how a list is cleared, and null is as if left out; a string that holds nothing is more likely a variable that was not set. */
const holdsNothing = (kind: FieldKind, value: unknown): boolean =>
  value === null ? kind === 'int' : typeof value === 'string' && isBlank(value)

/** What a route gets for a value; undefined where it refuses it. Where it gets nothing at all, the zero value stands for that. */
export function readAs<T>(field: Field<T>, value: unknown): T | undefined {
  if (countsAsAbsent(field, value)) return field.fallback ?? field.zero
  return value === null ? field.zero : field.parse(value)
}

/** As the recorded servers read them. */
function countsAsAbsent({ kind, isLimiting }: Field<unknown>, value: unknown): boolean {
  if (value === null && isLimiting) return true
  if (kind === 'duration') return value === null
  if (kind === 'int') return value === ''
  return kind === 'map' && Array.isArray(value) && value.length === 0
}

const isNegative = (value: unknown): boolean => /^-\s*\d/.test(String(value))

const expected: Readonly<Record<FieldKind, string>> = {
  string: 'a text',
  bool: 'true or false',
  int: 'a whole number',
  number: 'a number',
  duration: 'a duration such as 30, "30s" or "1h30m", not negative and not between 0 and 1 second',
  list: 'a list of texts or a text with commas, not one that holds nothing',
  map: 'an object of texts or a list of "key=value"',
  object: 'an object',
  array: 'a list of objects',
  base64: 'standard base64 with padding',
  any: 'a value',
}
