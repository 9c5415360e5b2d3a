import { Lines, digitsOf, escapes, foreign, literalOf, plainJson, plainText, unindented } from './words.ts'

/** A position in the source; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export type HclValue =
  | { readonly kind: 'string'; readonly value: string; readonly at: Position }
  | { readonly kind: 'number'; readonly value: number; readonly literal: string; readonly at: Position }
  | { readonly kind: 'bool'; readonly value: boolean; readonly at: Position }
  | { readonly kind: 'null'; readonly at: Position }
  | { readonly kind: 'list'; readonly items: readonly HclValue[]; readonly at: Position }
  | { readonly kind: 'object'; readonly items: readonly HclItem[]; readonly at: Position }

/** One `key = value` or one block: `path "x" { … }` has the key `path` and the label `x`. */
export interface HclItem {
  readonly key: string
  readonly labels: readonly string[]
  readonly value: HclValue
  readonly at: Position
}

/** A syntax error and its position. */
export class HclError extends Error {
  readonly at: Position

  constructor(message: string, at: Position) {
    super(`line ${at.line}, column ${at.column}: ${message}`)
    this.at = at
  }
}

/** Notes the position of an attribute. @throws HclError with both positions when it was set before: to prefer one of them would be a guess */
export function once(set: Map<string, Position>, key: string, at: Position): void {
  const before = set.get(key)
  if (before) throw new HclError(`"${key}" is set twice, first at line ${before.line}, column ${before.column}`, at)
  set.set(key, at)
}

/** Limits of one source. */
export interface HclLimits {
  readonly characters: number
  /** Attributes, blocks, names, and members of lists together. */
  readonly parts: number
}

const maxDepth = 32
const usual: HclLimits = { characters: 1024 * 1024, parts: 100_000 }

/**
 * Reads HCL 1 (the language of Vault's policies and configuration) or, when the source begins with `{`, JSON. Repeated
 * blocks are kept in order. @throws HclError with the position, also for an attribute that is set twice in one body.
 */
export function parseHcl(source: string, limits: HclLimits = usual): readonly HclItem[] {
  if (source.length > limits.characters)
    throw new HclError(`the text is longer than ${limits.characters} characters`, { line: 1, column: 1 })
  const reader = new Reader(source.startsWith('\ufeff') ? source.slice(1) : source, limits.parts)
  return reader.document()
}

const word = /[\p{L}_][\p{L}\p{N}_.-]*/uy
const token = /[+-]?[\w.+-]+/y
const head = /<<(-?)([\p{L}_][\p{L}\p{N}_-]*)\r?\n/uy

class Reader {
  readonly #source: string
  readonly #lines: Lines
  readonly #maxParts: number
  #at = 0
  #depth = 0
  #parts = 0

  constructor(source: string, maxParts: number) {
    this.#maxParts = maxParts
    this.#source = source
    this.#lines = new Lines(source)
  }

  document(): readonly HclItem[] {
    this.#skip()
    if (this.#peek() === '{') {
      const value = this.#object(true)
      this.#skip()
      if (this.#at < this.#source.length) throw this.#wrong('unexpected input after the end of the JSON object')
      return value.items
    }
    return this.#items(false, false)
  }

  /** Items up to the end of the source, or of the object. */
  #items(inObject: boolean, json: boolean): HclItem[] {
    const items: HclItem[] = []
    const set = new Map<string, Position>()
    for (;;) {
      this.#skip()
      if (this.#at >= this.#source.length) {
        if (inObject) throw this.#wrong('the object is not closed: "}" is missing')
        return items
      }
      if (inObject && this.#peek() === '}') return items
      items.push(this.#item(json, set))
      this.#skip()
      const comma = this.#peek() === ','
      if (comma) this.#next()
      this.#skip()
      if (json && comma && this.#peek() === '}') throw this.#wrong('a comma before "}"')
      if (json && !comma && this.#peek() !== '}') throw this.#wrong('a comma or "}" is missing')
    }
  }

  /** @param set where the attributes of this body were set */
  #item(json: boolean, set: Map<string, Position>): HclItem {
    const at = this.#position()
    const keys = [this.#key(json)]
    for (;;) {
      this.#skip()
      const char = this.#peek()
      if (char === '=' || char === ':') {
        if ((char === ':') !== json)
          throw this.#wrong(json ? 'expected ":" after the key' : 'expected "=" after the key')
        if (keys.length > 1) throw this.#wrong('a value cannot have labels')
        const key = keys[0] as string
        once(set, key, at)
        this.#next()
        this.#skip()
        return { key, labels: [], value: this.#value(json), at }
      }
      if (json) throw this.#wrong('expected ":" after the key')
      if (char === '{') return { key: keys[0] as string, labels: keys.slice(1), value: this.#object(false), at }
      if (char === '' || char === '}' || char === ',')
        throw this.#wrong('the name here has neither a value nor a block')
      keys.push(this.#key(false))
    }
  }

  #key(json: boolean): string {
    this.#count()
    if (this.#peek() === '"') return this.#quoted(json)
    if (json) throw this.#wrong('a key must be a string in double quotes')
    word.lastIndex = this.#at
    const found = word.exec(this.#source)?.[0]
    if (!found) throw this.#wrong(`unexpected ${this.#found()}`)
    this.#at += found.length
    return found
  }

  #value(json: boolean): HclValue {
    const at = this.#position()
    const char = this.#peek()
    if (char === '"') return { kind: 'string', value: this.#quoted(json), at }
    if (char === '{') return this.#object(json)
    if (char === '[') return this.#list(json)
    if (char === '<' && !json) return { kind: 'string', value: this.#heredoc(), at }
    return this.#literal(json, at)
  }

  #literal(json: boolean, at: Position): HclValue {
    token.lastIndex = this.#at
    const found = token.exec(this.#source)?.[0]
    if (!found) throw this.#wrong(`expected a value, found ${this.#found()}`)
    const value = literalOf(found, json, at)
    if (!value) throw this.#wrong('expected a value: a string needs double quotes')
    this.#at += found.length
    return value
  }

  #object(json: boolean): Extract<HclValue, { kind: 'object' }> {
    const at = this.#position()
    this.#deeper()
    this.#next()
    const items = this.#items(true, json)
    this.#next()
    this.#depth--
    return { kind: 'object', items, at }
  }

  #list(json: boolean): HclValue {
    const at = this.#position()
    this.#deeper()
    this.#next()
    const items: HclValue[] = []
    for (;;) {
      this.#skip()
      if (this.#peek() === ']') {
        if (json && items.length > 0) throw this.#wrong('a comma before "]"')
        break
      }
      this.#count()
      items.push(this.#value(json))
      this.#skip()
      if (this.#peek() === ']') break
      if (this.#peek() !== ',') throw this.#wrong('a list needs commas between its values, and "]" at its end')
      this.#next()
    }
    this.#next()
    this.#depth--
    return { kind: 'list', items, at }
  }

  #quoted(json: boolean): string {
    const start = this.#at
    const plain = json ? plainJson : plainText
    const parts: string[] = []
    for (this.#at++; ;) {
      plain.lastIndex = this.#at
      const found = plain.exec(this.#source)?.[0] ?? ''
      if (found !== '') parts.push(found)
      this.#at += found.length
      const char = this.#source[this.#at]
      if (char === undefined || char === '\n')
        throw new HclError('the string is not closed: a double quote is missing', this.#lines.position(start))
      if (!json && this.#source.startsWith('${', this.#at)) {
        parts.push(this.#interpolation(start))
        continue
      }
      this.#at++
      if (char === '"') return parts.length === 1 ? (parts[0] as string) : parts.join('')
      if (json && char < ' ') throw this.#wrong('a control character must be escaped')
      parts.push(char === '\\' ? this.#escape(json) : char)
    }
  }

  /** `${…}` is not evaluated: it is copied as it stands, and quotes or line ends inside do not end the string. */
  #interpolation(start: number): string {
    let depth = 0
    for (let at = this.#at + 1; at < this.#source.length; at++) {
      if (this.#source[at] === '{') depth++
      else if (this.#source[at] === '}' && --depth === 0) {
        const copied = this.#source.slice(this.#at, at + 1)
        this.#at = at + 1
        return copied
      }
    }
    throw new HclError('the string has a "${" without its "}"', this.#lines.position(start))
  }

  #escape(json: boolean): string {
    const char = this.#source[this.#at] ?? ''
    const replacement = escapes.get(char)
    const digits = replacement === undefined ? digitsOf(char, json) : 0
    if (digits === undefined || foreign(char, json)) throw this.#wrong(`"\\${char}" is not a valid escape`)
    this.#at++
    if (replacement !== undefined) return replacement
    const code = this.#source.slice(this.#at, this.#at + digits)
    if (!/^[0-9a-fA-F]+$/.test(code) || code.length !== digits || parseInt(code, 16) > 0x10ffff)
      throw this.#wrong('the escape needs hexadecimal digits')
    this.#at += code.length
    return json ? String.fromCharCode(parseInt(code, 16)) : String.fromCodePoint(parseInt(code, 16))
  }

  /** `<<END` keeps the lines as they are; `<<-END` takes off the indent of the closing mark. */
  #heredoc(): string {
    head.lastIndex = this.#at
    const found = head.exec(this.#source)
    if (!found) throw this.#wrong('a heredoc begins with << and a name, alone on its line')
    const start = this.#position()
    this.#at += found[0].length
    const lines: string[] = []
    for (;;) {
      if (this.#at >= this.#source.length)
        throw new HclError(`the heredoc is not closed: a line with ${found[2]} is missing`, start)
      const end = this.#source.indexOf('\n', this.#at)
      const line = this.#source.slice(this.#at, end < 0 ? undefined : end)
      const bare = line.replace(/\r$/, '')
      if (bare.trim() === found[2]) {
        this.#at += line.length
        return unindented(lines, found[1] === '-' ? bare.slice(0, bare.indexOf(found[2])) : '')
      }
      lines.push(bare)
      this.#at += end < 0 ? line.length : line.length + 1
    }
  }

  /** Skips spaces, line ends and comments. */
  #skip(): void {
    for (;;) {
      const char = this.#source[this.#at]
      if (char === ' ' || char === '\t' || char === '\r' || char === '\n') this.#at++
      else if (char === '#' || (char === '/' && this.#source[this.#at + 1] === '/')) this.#comment('\n', 0)
      else if (char === '/' && this.#source[this.#at + 1] === '*') this.#comment('*/', 2)
      else return
    }
  }

  #comment(end: string, size: number): void {
    const found = this.#source.indexOf(end, this.#at + size)
    if (found < 0 && size > 0) throw this.#wrong('the comment is not closed: "*/" is missing')
    this.#at = found < 0 ? this.#source.length : found + size
  }

  #count(): void {
    if (++this.#parts > this.#maxParts)
      throw this.#wrong(`the text has more than ${this.#maxParts} attributes, names and values`)
  }

  #deeper(): void {
    if (++this.#depth > maxDepth) throw this.#wrong(`nested deeper than ${maxDepth} levels`)
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #next(): void {
    this.#at++
  }

  #position(): Position {
    return this.#lines.position(this.#at)
  }

  #found(): string {
    const char = this.#peek()
    return char === '' ? 'the end' : JSON.stringify(char)
  }

  #wrong(message: string): HclError {
    return new HclError(message, this.#position())
  }
}
