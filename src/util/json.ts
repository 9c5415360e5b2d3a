import { isUtf8 } from 'node:buffer'
import { randomUUID } from 'node:crypto'
import { text as textOf } from './bytes.ts'
import { JsonError, jsonLimits, survey } from './json-limits.ts'
import type { JsonLimits } from './json-limits.ts'
import { atOnce, isLarge } from './slices.ts'
import type { Steps } from './slices.ts'

/**
 * A JSON number that a JavaScript number would write differently (20 digits, `1.50`, `1e400`): kept as its literal, so
 * that secrets survive unchanged. `util/json.ts` reads and writes it.
 */
export class Numeral {
  readonly literal: string

  constructor(literal: string) {
    this.literal = literal
  }

  /** JSON.stringify cannot write a bare number; our own writer catches this error and handles it. */
  toJSON(): never {
    throw numeralMet
  }
}

/** Thrown by `Numeral.toJSON` to stop JSON.stringify. */
const numeralMet = new Error('use util/json to write numerals')

/** A JSON object. */
export type Json = Readonly<Record<string, unknown>>

/** The JSON of a value; `Numeral`s are written as their literals. Members that are undefined are left out. */
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
    const encoded = slowly(member)
    if (encoded !== undefined) members.push(`${JSON.stringify(name)}:${encoded}`)
  }
  return `{${members.join(',')}}`
}

/** The length of one piece of a long string. */
const pieceLength = 64 * 1024

/** A string in pieces that can be encoded separately: no surrogate pair is split. */
export function* piecesOf(text: string): Generator<string, void, undefined> {
  for (let at = 0, end = 0; at < text.length; at = end) {
    end = at + pieceLength
    const last = text.charCodeAt(end - 1)
    if (last >= 0xd800 && last <= 0xdbff) end++
    yield text.slice(at, end)
  }
}

/** The result of `writeJson` in pieces, result in parts. */
export function* jsonPieces(value: unknown): Steps<readonly string[]> {
  const pieces = new Pieces()
  yield* writeLarge(value, pieces)
  return pieces.all()
}

class Pieces {
  readonly #pieces: string[] = []
  #text = ''

  /** True when a slice became full. */
  add(text: string): boolean {
    this.#text += text
    if (this.#text.length < pieceLength) return false
    this.#pieces.push(this.#text)
    this.#text = ''
    return true
  }

  all(): readonly string[] {
    return this.#text === '' ? this.#pieces : [...this.#pieces, this.#text]
  }
}

const isLeftOut = (value: unknown): boolean => value === undefined || typeof value === 'function'
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/

function* writeLarge(value: unknown, pieces: Pieces): Steps<void> {
  if (!isLarge(value)) {
    if (pieces.add(writeJson(value))) yield
  } else if (typeof value === 'string') yield* writeText(value, pieces)
  else if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      pieces.add(at === 0 ? '[' : ',')
      yield* writeLarge(value[at], pieces)
    }
    pieces.add(']')
  } else if ('toJSON' in (value as object) || value instanceof Uint8Array) pieces.add(writeJson(value))
  else {
    let before = '{'
    for (const [name, member] of Object.entries(value as Json)) {
      if (isLeftOut(member)) continue
      pieces.add(before)
      yield* writeLarge(name, pieces)
      pieces.add(':')
      yield* writeLarge(member, pieces)
      before = ','
    }
    pieces.add(before === '{' ? '{}' : '}')
  }
}

function* writeText(text: string, pieces: Pieces): Steps<void> {
  pieces.add('"')
  for (const piece of piecesOf(text))
    if (pieces.add(escaped.test(piece) ? JSON.stringify(piece).slice(1, -1) : piece)) yield
  pieces.add('"')
}

/**
 * Reads exactly one JSON document (RFC 8259, UTF-8 without a byte order mark). Numbers that JavaScript would write
 * differently become `Numeral`. Duplicate names in one object and unpaired surrogates are refused, because parsers
 * read them in different ways. `__proto__` is a name like any other.
 * @throws JsonError
 */
export function readJson(bytes: Uint8Array, limits: JsonLimits = jsonLimits): unknown {
  return atOnce(jsonSteps(bytes, limits))
}

/** `readJson` in parts. */
export function* jsonSteps(bytes: Uint8Array, limits: JsonLimits): Steps<unknown> {
  if (bytes.length > limits.bytes) throw new JsonError('size', `larger than ${limits.bytes} bytes`)
  const seen = survey(bytes, limits)
  yield
  if (!isUtf8(bytes)) throw new JsonError('encoding', 'not UTF-8')
  const text = seen.numerals.length > 0 ? withPlaceholders(bytes, seen.numerals) : textOf(bytes)
  yield
  const value = parsed(text)
  yield
  if (text.includes('\\u') && hasLoneSurrogate(value)) throw new JsonError('encoding', 'half a surrogate pair')
  // JSON.parse keeps one of two members with the same name: then there are fewer members than colons.
  if (seen.members > 1 && countMembers(value) !== seen.members) {
    throw new JsonError('duplicate', 'a name is given twice in one object')
  }
  yield
  return seen.numerals.length > 0 ? withNumerals(value) : value
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The thrown message quotes the document.
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

/** Marks the placeholder of a number during parsing. Senders cannot guess it. */
const placeholder = randomUUID()

/** The same document with a string in place of every number that JavaScript would write differently. */
function withPlaceholders(bytes: Uint8Array, numerals: readonly number[]): string {
  const size = placeholder.length + 2
  const result = Buffer.allocUnsafe(bytes.length + (numerals.length / 2) * size)
  let [end, from] = [0, 0]
  for (let at = 0; at < numerals.length; at += 2) {
    const [start = 0, behind = 0] = [numerals[at], numerals[at + 1]]
    result.set(bytes.subarray(from, start), end)
    end += start - from
    end += result.write(`"${placeholder}`, end, 'latin1')
    result.set(bytes.subarray(start, behind), end)
    end += behind - start
    result[end++] = 0x22
    from = behind
  }
  result.set(bytes.subarray(from), end)
  return result.toString('utf8', 0, end + bytes.length - from)
}

/** Replaces the placeholders by the numbers. */
function withNumerals(value: unknown): unknown {
  if (typeof value === 'string')
    return value.startsWith(placeholder) ? new Numeral(value.slice(placeholder.length)) : value
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) value[at] = withNumerals(value[at])
    return value
  }
  // Every name is an own property, including `__proto__`: nothing else is set.
  const holder = value as Record<string, unknown>
  for (const name of Object.keys(holder)) {
    if (name.startsWith(placeholder)) throw new JsonError('syntax', 'a number in place of a name')
    const member = holder[name]
    if (typeof member === 'string' || typeof member === 'object') holder[name] = withNumerals(member)
  }
  return value
}
