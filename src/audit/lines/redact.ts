import { base64 } from '../../util/bytes.ts'
import { Numeral, jsonPieces } from '../../util/json.ts'
import { atOnce } from '../../util/slices.ts'
import type { Steps } from '../../util/slices.ts'
import type { Hasher } from './hasher.ts'

/** Limits of one line: larger data is written as a single hash, so that no caller can stall the log. */
export const lineLimits = { textLength: 64 * 1024, texts: 10_000, length: 512 * 1024 } as const

const tooMuch = new Error('too much for an audit line')
const none: ReadonlySet<string> = new Set()

/** Detects lists that are too long before their first string is hashed. */
const isTooMuch = (list: readonly unknown[]): boolean =>
  list.filter((item) => typeof item === 'string').length > lineLimits.texts

/** Sorted names, as Go writes its maps. Most objects are small, and many are sorted already. */
function inOrder(names: string[]): string[] {
  for (let at = 1; at < names.length; at++) if ((names[at - 1] as string) > (names[at] as string)) return names.sort()
  return names
}

/** A name of letters, digits and `_` needs no escapes. */
function quoted(name: string): string {
  return /^\w{1,40}$/.test(name) ? `"${name}"` : JSON.stringify(name)
}

/** The values that are not hashed. */
export interface Redaction {
  /** Strings directly under these names. */
  readonly open?: ReadonlySet<string>
  /** Everything. */
  readonly raw?: boolean
  /** No exceptions: names and numbers that could be secrets are hashed as well. */
  readonly strict?: boolean
}

/** A form with only a key share is read as a name without a value; our own names are shorter. */
const longestName = 24

/**
 * The JSON of a value with a hash in place of every string (empty ones too) and byte array. Names, numbers, booleans and
 * null stay, and the values that `rules` exempt.
 */
export function redact(value: unknown, hasher: Hasher, rules: Redaction = {}): string {
  return atOnce(redactSteps(value, hasher, rules))
}

type Walker = (item: unknown, isClear: boolean) => Steps<string | undefined>

/** Writes one value with its members. One walker per line, because it counts the strings. */
function walkerFor(hasher: Hasher, { open = none, raw = false, strict = false }: Redaction): Walker {
  let texts = 0

  const hashed = (input: string): string => {
    if (++texts > lineLimits.texts) throw tooMuch
    return `"${hasher.of(input)}"`
  }
  const nameOf = (name: string): string => (strict && name.length > longestName ? hashed(name) : quoted(name))
  /** Values that need no pauses. */
  const shortOf = (item: unknown, isClear: boolean): string | undefined => {
    if (typeof item === 'string')
      return isClear && item.length <= lineLimits.textLength ? JSON.stringify(item) : hashed(item)
    return typeof item === 'bigint' ? item.toString() : JSON.stringify(item)
  }
  function* longOf(item: string | Uint8Array): Steps<string> {
    if (++texts > lineLimits.texts) throw tooMuch
    return `"${yield* hasher.stepsOf(item)}"`
  }
  function* listOf(list: readonly unknown[], isClear: boolean): Steps<string> {
    if (list.length > lineLimits.texts && !isClear && isTooMuch(list)) throw tooMuch
    let items = ''
    for (let at = 0; at < list.length; at++) {
      const item = list[at]
      const encoded = isShort(item) ? shortOf(item, isClear) : yield* walk(item, isClear)
      items += `${at === 0 ? '' : ','}${encoded ?? 'null'}`
      if (at % 64 === 63) yield
    }
    return `[${items}]`
  }
  function* walk(item: unknown, isClear: boolean): Steps<string | undefined> {
    if (isShort(item)) return shortOf(item, isClear)
    if (typeof item === 'string') return yield* longOf(item)
    const holder = item as object
    if (holder instanceof Numeral) return strict ? hashed(holder.literal) : holder.literal
    if (Array.isArray(holder)) return yield* listOf(holder, isClear)
    if (holder instanceof Uint8Array) return isClear ? shortOf(base64(holder), true) : yield* longOf(holder)
    if ('toJSON' in holder && typeof holder.toJSON === 'function') return yield* walk(holder.toJSON(), isClear)
    let members = ''
    for (const name of inOrder(Object.keys(holder))) {
      const member = (holder as Readonly<Record<string, unknown>>)[name]
      const isMemberClear = raw || open.has(name)
      const encoded = isShort(member) ? shortOf(member, isMemberClear) : yield* walk(member, isMemberClear)
      if (encoded !== undefined) members += `${members === '' ? '' : ','}${nameOf(name)}:${encoded}`
    }
    yield
    return `{${members}}`
  }
  return walk
}

/** `redact` in parts. */
export function* redactSteps(value: unknown, hasher: Hasher, rules: Redaction = {}): Steps<string> {
  try {
    const encoded = (yield* walkerFor(hasher, rules)(value, rules.raw ?? false)) ?? 'null'
    return encoded.length <= lineLimits.length ? encoded : `"${yield* hasher.stepsOf(encoded)}"`
  } catch (thrown) {
    if (thrown !== tooMuch) throw thrown
    return `"${yield* hasher.stepsOfAll(yield* jsonPieces(value))}"`
  }
}

/** Neither a container nor a long string. */
const isShort = (item: unknown): boolean =>
  typeof item === 'string' ? item.length <= lineLimits.textLength : typeof item !== 'object' || item === null
