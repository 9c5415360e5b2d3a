import { base64 } from '../../util/bytes.ts'
import { Numeral, writeJson } from '../../util/json.ts'
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
  const { open = none, raw = false, strict = false } = rules
  let texts = 0

  const textOf = (text: string, shown: boolean): string => {
    if (shown && text.length <= lineLimits.textLength) return JSON.stringify(text)
    if (++texts > lineLimits.texts) throw tooMuch
    return `"${hasher.of(text)}"`
  }
  const nameOf = (name: string): string => (strict && name.length > longestName ? textOf(name, false) : quoted(name))
  const objectOf = (value: object, shown: boolean): string => {
    if (value instanceof Numeral) return strict ? textOf(value.literal, false) : value.literal
    if (Array.isArray(value) && value.length > lineLimits.texts && !shown && isTooMuch(value)) throw tooMuch
    if (Array.isArray(value)) return `[${value.map((item) => walk(item, shown) ?? 'null').join(',')}]`
    if (value instanceof Uint8Array) return shown ? textOf(base64(value), true) : `"${hasher.of(value)}"`
    if ('toJSON' in value && typeof value.toJSON === 'function') return walk(value.toJSON(), shown) ?? 'null'
    let members = ''
    for (const name of inOrder(Object.keys(value))) {
      const written = walk((value as Readonly<Record<string, unknown>>)[name], raw || open.has(name))
      if (written !== undefined) members += `${members === '' ? '' : ','}${nameOf(name)}:${written}`
    }
    return `{${members}}`
  }
  const walk = (value: unknown, shown: boolean): string | undefined => {
    if (typeof value === 'string') return textOf(value, shown)
    if (typeof value === 'object' && value !== null) return objectOf(value, shown)
    if (typeof value === 'bigint') return value.toString()
    return JSON.stringify(value)
  }

  try {
    const written = walk(value, raw) ?? 'null'
    return written.length <= lineLimits.length ? written : `"${hasher.of(written)}"`
  } catch (thrown) {
    if (thrown !== tooMuch) throw thrown
    return `"${hasher.of(writeJson(value))}"`
  }
}
