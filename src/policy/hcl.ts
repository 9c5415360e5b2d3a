/** Where something stands in a text; both count from 1. */
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

/** What is wrong with a text, and where. */
export class HclError extends Error {
  readonly at: Position

  constructor(message: string, at: Position) {
    super(`line ${at.line}, column ${at.column}: ${message}`)
    this.at = at
  }
}

const limits = { bytes: 1024 * 1024, depth: 32 } as const

/**
 * Reads HCL 1 (the language of Vault's policies and configuration) or, when the text begins with `{`, JSON. Repeated
 * blocks and keys are kept in order. @throws HclError with the position.
 */
export function parseHcl(source: string): readonly HclItem[] {
  if (source.length > limits.bytes)
    throw new HclError(`the text is longer than ${limits.bytes} characters`, { line: 1, column: 1 })
  const reader = new Reader(source.startsWith('\ufeff') ? source.slice(1) : source)
  return reader.document()
}

class Reader {
  readonly #source: string
  #at = 0
  #line = 1
  #lineStart = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  document(): readonly HclItem[] {
    this.#skip()
    if (this.#peek() === '{') {
      const value = this.#object(true)
      this.#skip()
      if (this.#at < this.#source.length) throw this.#wrong('something stands behind the end of the JSON object')
      return value.items
    }
    return this.#items(false, false)
  }

  /** Items up to the end of the text, or of the object. */
  #items(inObject: boolean, json: boolean): HclItem[] {
    const items: HclItem[] = []
    for (;;) {
      this.#skip()
      if (this.#at >= this.#source.length) {
        if (inObject) throw this.#wrong('the object is not closed: "}" is missing')
        return items
      }
      if (inObject && this.#peek() === '}') return items
      items.push(this.#item(json))
      this.#skip()
      const comma = this.#peek() === ','
      if (comma) this.#next()
      this.#skip()
      if (json && comma && this.#peek() === '}') throw this.#wrong('a comma before "}"')
      if (json && !comma && this.#peek() !== '}') throw this.#wrong('a comma or "}" is missing')
    }
  }

  #item(json: boolean): HclItem {
    const at = this.#position()
    const keys = [this.#key(json)]
    for (;;) {
      this.#skip()
      const char = this.#peek()
      if (char === '=' || char === ':') {
        if ((char === ':') !== json)
          throw this.#wrong(json ? 'expected ":" behind the key' : 'expected "=" behind the key')
        if (keys.length > 1) throw this.#wrong('a value cannot have labels')
        this.#next()
        this.#skip()
        return { key: keys[0] as string, labels: [], value: this.#value(json), at }
      }
      if (json) throw this.#wrong('expected ":" behind the key')
      if (char === '{') return { key: keys[0] as string, labels: keys.slice(1), value: this.#object(false), at }
      if (char === '' || char === '}' || char === ',')
        throw this.#wrong('the name here has neither a value nor a block')
      keys.push(this.#key(false))
    }
  }

  #key(json: boolean): string {
    if (this.#peek() === '"') return this.#quoted(json)
    if (json) throw this.#wrong('a key must be a text in double quotes')
    const word = /[\p{L}_][\p{L}\p{N}_.-]*/uy
    word.lastIndex = this.#at
    const found = word.exec(this.#source)?.[0]
    if (!found) throw this.#wrong(`unexpected ${this.#shown()}`)
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
    const token = /[+-]?[\w.+-]+/y
    token.lastIndex = this.#at
    const found = token.exec(this.#source)?.[0]
    if (!found) throw this.#wrong(`expected a value, found ${this.#shown()}`)
    const value = literalOf(found, json, at)
    if (!value) throw this.#wrong('expected a value: a text needs double quotes')
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
    const start = this.#position()
    this.#next()
    let out = ''
    for (;;) {
      const char = this.#source[this.#at]
      if (char === undefined || char === '\n')
        throw new HclError('the text is not closed: a double quote is missing', start)
      if (!json && this.#source.startsWith('${', this.#at)) {
        out += this.#interpolation(start)
        continue
      }
      this.#next()
      if (char === '"') return out
      if (json && char < ' ') throw this.#wrong('a control character must be escaped')
      out += char === '\\' ? this.#escape(json) : char
    }
  }

  /** `${…}` is not evaluated: it is copied as it stands, and quotes or line ends inside do not end the text. */
  #interpolation(start: Position): string {
    let depth = 0
    for (let at = this.#at + 1; at < this.#source.length; at++) {
      if (this.#source[at] === '{') depth++
      else if (this.#source[at] === '}' && --depth === 0) {
        const copied = this.#source.slice(this.#at, at + 1)
        this.#advance(copied.length)
        return copied
      }
    }
    throw new HclError('the text has a "${" without its "}"', start)
  }

  #escape(json: boolean): string {
    const char = this.#source[this.#at] ?? ''
    const simple: Readonly<Record<string, string>> = {
      n: '\n',
      t: '\t',
      r: '\r',
      '"': '"',
      '\\': '\\',
      b: '\b',
      f: '\f',
      ...(json ? { '/': '/' } : { a: '\x07', v: '\v' }),
    }
    const known = Object.hasOwn(simple, char) ? simple[char] : undefined
    const digits = { u: 4, U: json ? 0 : 8, x: json ? 0 : 2 }[char]
    if (known === undefined && !digits) throw this.#wrong(`"\\${char}" is no escape`)
    this.#next()
    if (known !== undefined) return known
    const code = this.#source.slice(this.#at, this.#at + (digits ?? 0))
    if (!/^[0-9a-fA-F]+$/.test(code) || code.length !== digits || parseInt(code, 16) > 0x10ffff)
      throw this.#wrong('the escape needs hexadecimal digits')
    this.#at += code.length
    return json ? String.fromCharCode(parseInt(code, 16)) : String.fromCodePoint(parseInt(code, 16))
  }

  /** `<<END` keeps the lines as they are; `<<-END` takes off the indent of the closing mark. */
  #heredoc(): string {
    const head = /<<(-?)([\p{L}_][\p{L}\p{N}_-]*)\r?\n/uy
    head.lastIndex = this.#at
    const found = head.exec(this.#source)
    if (!found) throw this.#wrong('a heredoc begins with << and a name, alone on its line')
    const start = this.#position()
    this.#advance(found[0].length)
    const lines: string[] = []
    for (;;) {
      if (this.#at >= this.#source.length)
        throw new HclError(`the heredoc is not closed: a line with ${found[2]} is missing`, start)
      const end = this.#source.indexOf('\n', this.#at)
      const line = this.#source.slice(this.#at, end < 0 ? undefined : end)
      const bare = line.replace(/\r$/, '')
      if (bare.trim() === found[2]) {
        this.#advance(line.length)
        return unindented(lines, found[1] === '-' ? bare.slice(0, bare.indexOf(found[2] as string)) : '')
      }
      lines.push(bare)
      this.#advance(end < 0 ? line.length : line.length + 1)
    }
  }

  /** Blanks, line ends and comments. */
  #skip(): void {
    for (;;) {
      const char = this.#source[this.#at]
      if (char === ' ' || char === '\t' || char === '\r' || char === '\n') this.#next()
      else if (char === '#' || (char === '/' && this.#source[this.#at + 1] === '/')) this.#comment('\n', 0)
      else if (char === '/' && this.#source[this.#at + 1] === '*') this.#comment('*/', 2)
      else return
    }
  }

  #comment(end: string, size: number): void {
    const found = this.#source.indexOf(end, this.#at + size)
    if (found < 0 && size > 0) throw this.#wrong('the comment is not closed: "*/" is missing')
    this.#advance((found < 0 ? this.#source.length : found + size) - this.#at)
  }

  #deeper(): void {
    if (++this.#depth > limits.depth) throw this.#wrong(`nested deeper than ${limits.depth} levels`)
  }

  #peek(): string {
    return this.#source[this.#at] ?? ''
  }

  #next(): void {
    this.#advance(1)
  }

  #advance(count: number): void {
    for (const end = this.#at + count; this.#at < end; this.#at++) {
      if (this.#source[this.#at] !== '\n') continue
      this.#line++
      this.#lineStart = this.#at + 1
    }
  }

  #position(): Position {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 }
  }

  #shown(): string {
    const char = this.#peek()
    return char === '' ? 'the end' : JSON.stringify(char)
  }

  #wrong(message: string): HclError {
    return new HclError(message, this.#position())
  }
}

function literalOf(token: string, json: boolean, at: Position): HclValue | undefined {
  if (token === 'true' || token === 'false') return { kind: 'bool', value: token === 'true', at }
  if (token === 'null' && json) return { kind: 'null', at }
  // A leading zero means octal in HCL 1, as it did in C.
  if (!json && /^0\d+$/.test(token))
    return /^[0-7]+$/.test(token) ? { kind: 'number', value: parseInt(token, 8), literal: token, at } : undefined
  const decimal = json ? /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/ : /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/
  if (decimal.test(token)) return { kind: 'number', value: Number(token), literal: token, at }
  if (!json && /^0[xX][0-9a-fA-F]+$/.test(token)) return { kind: 'number', value: Number(token), literal: token, at }
  return undefined
}

function unindented(lines: readonly string[], indent: string): string {
  const all = indent !== '' && lines.every((line) => line.startsWith(indent) || line.trim() === '')
  return lines.map((line) => `${all ? line.slice(indent.length) : line}\n`).join('')
}
