/** Whether a value is valid. Never throws for any value. */
export type Check = (value: unknown) => boolean

/** The shape of a kind of stored records. Another release, or a restored storage, may have left anything in its place. */
export interface Shape<T> {
  /** For messages: `a role`. */
  readonly about: string
  readonly is: (value: unknown) => value is T
}

/** One check for each member, those that may be absent included. */
type Members<T> = { readonly [K in keyof T]-?: Check }

/** The last millisecond that RFC 3339 can write. */
const endOfTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Any string. */
export const isText: Check = (value) => typeof value === 'string'
/** A string that is not empty. */
export const isName: Check = (value) => typeof value === 'string' && value !== ''
/** A boolean. */
export const isFlag: Check = (value) => typeof value === 'boolean'
/** An integer, 0 or more. */
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
/** A finite number above 0. */
export const isPositive: Check = (value) => typeof value === 'number' && Number.isFinite(value) && value > 0
/** Epoch milliseconds that can be written. */
export const isTime: Check = (value) => isCount(value) && (value as number) <= endOfTime

/** Base64 of at min one byte. */
export const isBase64: Check = (value) =>
  typeof value === 'string' && value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value)

/** Whether a value is a plain JSON object: no list, no null, no `Numeral`. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** An integer between two, both included. */
export const isWhole =
  (min: number, max = Number.MAX_SAFE_INTEGER): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max

/** One of these values. */
export const isOneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value)

/** A value that passes a check, or null. */
export const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)

/** A member that may be absent. */
export const orAbsent =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value)

/** A list of such members. */
export const isListOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)

/** An object whose members all pass one check. */
export const isMapOf =
  (check: Check, names: Check = isText): Check =>
  (value) =>
    isObject(value) && Object.entries(value).every(([name, member]) => names(name) && check(member))

/** Whether a value has these members, and each passes its check. Other members are allowed. */
export function hasMembers<T extends object>(value: unknown, members: Members<T>): value is T {
  return isObject(value) && Object.entries<Check>(members).every(([name, check]) => check(value[name]))
}

/**
 * A record with these members.
 * @param consistent the condition between members
 */
export function shapeOf<T extends object>(
  about: string,
  members: Members<T>,
  consistent: (record: T) => boolean = () => true,
): Shape<T> {
  return { about, is: (value): value is T => hasMembers<T>(value, members) && consistent(value) }
}

/** Any JSON object: data that a client stored. */
export const anyObject = (about: string): Shape<Readonly<Record<string, unknown>>> => ({ about, is: isObject })
