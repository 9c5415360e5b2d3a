import { base64 } from '../../util/bytes.ts'
import { Numeral, jsonPieces } from '../../util/json.ts'
import { atOnce } from '../../util/slices.ts'
import type { Steps } from '../../util/slices.ts'
import type { Hasher } from './hasher.ts'

/** What one line may hold: more than this is written as one hash of the whole, so that no caller can stall the log. */
export const lineLimits = { textLength: 64 * 1024, texts: 10_000, length: 512 * 1024 } as const

const tooMuch = new Error('too much for an audit line')
const none: ReadonlySet<string> = new Set()

/** Long lists of names are seen to be too much before the first of them is hashed. */
const isTooMuch = (list: readonly unknown[]): boolean =>
  list.filter((item) => typeof item === 'string').length > lineLimits.texts

/** Names in order, as Go writes its maps. Most objects are small, and many are in order already. */
function inOrder(names: string[]): string[] {
  for (let at = 1; at < names.length; at++) if ((names[at - 1] as string) > (names[at] as string)) return names.sort()
  return names
}

/** A name of letters, digits and `_` needs no escapes. */
function quoted(name: string): string {
  return /^\w{1,40}$/.test(name) ? `"${name}"` : JSON.stringify(name)
}

/** What stays as it is. */
export interface Redaction {
  /** Strings directly under these names. */
  readonly open?: ReadonlySet<string>
  /** Everything. */
  readonly raw?: boolean
  /** Not even what could be a secret in the place of a name or a number. */
  readonly strict?: boolean
}

/** A form that holds nothing but a key share is read as a name without a value; names of our own are shorter. */
const longestName = 24

/**
 * JSON text of a value in which every string (empty ones too) and every run of bytes is replaced by its hash. Names,
 * numbers, booleans and null stay, and what `rules` say.
 */
export function redact(value: unknown, hasher: Hasher, rules: Redaction = {}): string {
  return atOnce(redactSteps(value, hasher, rules))
}

/** `redact` in parts. */
export function* redactSteps(value: unknown, hasher: Hasher, rules: Redaction = {}): Steps<string> {
  const { open = none, raw = false, strict = false } = rules
  let texts = 0

  const hashed = (text: string): string => {
    if (++texts > lineLimits.texts) throw tooMuch
    return `"${hasher.of(text)}"`
  }
  const nameOf = (name: string): string => (strict && name.length > longestName ? hashed(name) : quoted(name))
  /** What takes no turns. */
  const shortOf = (item: unknown, shown: boolean): string | undefined => {
    if (typeof item === 'string')
      return shown && item.length <= lineLimits.textLength ? JSON.stringify(item) : hashed(item)
    return typeof item === 'bigint' ? item.toString() : JSON.stringify(item)
  }
  function* longOf(item: string | Uint8Array): Steps<string> {
    if (++texts > lineLimits.texts) throw tooMuch
    return `"${yield* hasher.stepsOf(item)}"`
  }
  function* listOf(list: readonly unknown[], shown: boolean): Steps<string> {
    if (list.length > lineLimits.texts && !shown && isTooMuch(list)) throw tooMuch
    let items = ''
    for (let at = 0; at < list.length; at++) {
      const item = list[at]
      const written = isShort(item) ? shortOf(item, shown) : yield* walk(item, shown)
      items += `${at === 0 ? '' : ','}${written ?? 'null'}`
      if (at % 64 === 63) yield
    }
    return `[${items}]`
  }
  function* walk(item: unknown, shown: boolean): Steps<string | undefined> {
    if (isShort(item)) return shortOf(item, shown)
    if (typeof item === 'string') return yield* longOf(item)
    const holder = item as object
    if (holder instanceof Numeral) return strict ? hashed(holder.literal) : holder.literal
    if (Array.isArray(holder)) return yield* listOf(holder, shown)
    if (holder instanceof Uint8Array) return shown ? shortOf(base64(holder), true) : yield* longOf(holder)
    if ('toJSON' in holder && typeof holder.toJSON === 'function') return yield* walk(holder.toJSON(), shown)
    let members = ''
    for (const name of inOrder(Object.keys(holder))) {
      const member = (holder as Readonly<Record<string, unknown>>)[name]
      const isShown = raw || open.has(name)
      const written = isShort(member) ? shortOf(member, isShown) : yield* walk(member, isShown)
      if (written !== undefined) members += `${members === '' ? '' : ','}${nameOf(name)}:${written}`
    }
    yield
    return `{${members}}`
  }

  try {
    const written = (yield* walk(value, raw)) ?? 'null'
    return written.length <= lineLimits.length ? written : `"${yield* hasher.stepsOf(written)}"`
  } catch (thrown) {
    if (thrown !== tooMuch) throw thrown
    return `"${yield* hasher.stepsOfAll(yield* jsonPieces(value))}"`
  }
}

/** Neither a holder of others nor a long text. */
const isShort = (item: unknown): boolean =>
  typeof item === 'string' ? item.length <= lineLimits.textLength : typeof item !== 'object' || item === null
