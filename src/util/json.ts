import { isUtf8 } from 'node:buffer'
import { JsonError, jsonLimits, survey } from './json-limits.ts'
import type { JsonLimits } from './json-limits.ts'

/**
 * A JSON number that a JavaScript number would write differently (20 digits, `1.50`, `1e400`): kept as its text, so
 * that secrets survive unchanged. `util/json.ts` reads and writes it.
 */
export class Numeral {
  readonly literal: string

  constructor(literal: string) {
    this.literal = literal
  }

  /** JSON.stringify cannot write a bare number for us; our own writer catches this and takes over. */
  toJSON(): never {
    throw numeralMet
  }
}

/** Thrown by `Numeral.toJSON` to stop JSON.stringify. */
export const numeralMet = new Error('use util/json to write numerals')

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** JSON text of a value; `Numeral`s are written as the numbers they were. Members that are undefined are left out. */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? 'null'
  } catch (thrown) {
    if (thrown !== numeralMet) throw thrown
    return slowly(value) ?? 'null'
  }
}

function slowly(value: unknown): string | undefined {
  if (value instanceof Numeral) return value.literal
  if (value === undefined || typeof value === 'function') return undefined
  if (Array.isArray(value)) return `[${value.map((item) => slowly(item) ?? 'null').join(',')}]`
  if (value === null || typeof value !== 'object' || 'toJSON' in value) return JSON.stringify(value)
  const members: string[] = []
  for (const [name, member] of Object.entries(value)) {
    const written = slowly(member)
    if (written !== undefined) members.push(`${JSON.stringify(name)}:${written}`)
  }
  return `{${members.join(',')}}`
}

/**
 * Reads exactly one JSON document (RFC 8259, UTF-8 without a byte order mark). Numbers that JavaScript would write
 * differently become `Numeral`. Refused are a name given twice in one object and half a surrogate pair, which parsers
 * read in different ways. `__proto__` is a name like any other.
 * @throws JsonError
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits = jsonLimits): unknown {
  if (bytes.length > limits.bytes) throw new JsonError('size', `larger than ${limits.bytes} bytes`)
  const seen = survey(bytes, limits)
  if (!isUtf8(bytes)) throw new JsonError('encoding', 'not UTF-8')
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const value = parsed(text)
  if (text.includes('\\u') && hasLoneSurrogate(value)) throw new JsonError('encoding', 'half a surrogate pair')
  // JSON.parse keeps one of two members with the same name: then it has fewer than the text has colons.
  if (seen.members > 1 && countMembers(value) !== seen.members) {
    throw new JsonError('duplicate', 'a name is given twice in one object')
  }
  return seen.numerals ? new Rereader(text).value() : value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The thrown message quotes the text.
    throw new JsonError('syntax', 'not one complete JSON document')
  }
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  let count = 0
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === 'object') count += countMembers(item)
    return count
  }
  const object = value as Json
  for (const name of Object.keys(object)) {
    count += 1
    const member = object[name]
    if (typeof member === 'object') count += countMembers(member)
  }
  return count
}

function hasLoneSurrogate(value: unknown): boolean {
  if (typeof value === 'string') return /\p{Surrogate}/u.test(value)
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([name, member]) => hasLoneSurrogate(name) || hasLoneSurrogate(member))
}

/** Reads a text again that JSON.parse has found to be right, this time with numbers as they are written. */
class Rereader {
  readonly #text: string
  readonly #word = /[-+.\w]+/y
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): unknown {
    return this.#from(this.#next())
  }

  #from(token: string): unknown {
    if (token === '[') return this.#items()
    if (token === '{') return this.#members()
    const value: unknown = JSON.parse(token)
    return typeof value === 'number' && String(value) !== token ? new Numeral(token) : value
  }

  #items(): unknown[] {
    const items: unknown[] = []
    for (let token = this.#next(); token !== ']'; token = this.#next()) items.push(this.#from(token))
    return items
  }

  #members(): Json {
    const members: [string, unknown][] = []
    for (let name = this.#next(); name !== '}'; name = this.#next()) {
      members.push([JSON.parse(name) as string, this.value()])
    }
    return Object.fromEntries(members)
  }

  #next(): string {
    while (' \t\r\n,:'.includes(this.#text.charAt(this.#at))) this.#at++
    const start = this.#at
    this.#at = this.#end(start)
    return this.#text.slice(start, this.#at)
  }

  #end(start: number): number {
    if (this.#text.charAt(start) === '"') return this.#textEnd(start)
    this.#word.lastIndex = start
    return this.#word.test(this.#text) ? this.#word.lastIndex : start + 1
  }

  #textEnd(start: number): number {
    let at = start + 1
    for (; this.#text.charAt(at) !== '"'; at++) if (this.#text.charAt(at) === '\\') at++
    return at + 1
  }
}
