import { HclError } from './values.ts'
import type { Position } from './values.ts'
import { Lines, digitsOf, escapes, foreign, plainJson, plainText, unindented } from './words.ts'

const word = /[\p{L}_][\p{L}\p{N}_.-]*/uy
const token = /[+-]?[\w.+-]+/y
const head = /<<(-?)([\p{L}_][\p{L}\p{N}_-]*)\r?\n/uy

/** A place in a source, which moves forward: names, strings, comments and spaces, character by character. */
export class Scanner {
  readonly #source: string
  readonly #lines: Lines
  #at = 0

  constructor(source: string) {
    this.#source = source
    this.#lines = new Lines(source)
  }

  get atEnd(): boolean {
    return this.#at >= this.#source.length
  }

  /** The name here, behind which it goes on; undefined when there is none. */
  word(): string | undefined {
    word.lastIndex = this.#at
    const found = word.exec(this.#source)?.[0]
    this.#at += found?.length ?? 0
    return found
  }

  /** The number or keyword here, which it does not pass; undefined when there is none. */
  token(): string | undefined {
    token.lastIndex = this.#at
    return token.exec(this.#source)?.[0]
  }

  /** Goes on by some characters. */
  pass(characters: number): void {
    this.#at += characters
  }

  /** The string in double quotes here. */
  quoted(json: boolean): string {
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
      if (json && char < ' ') throw this.wrong('a control character must be escaped')
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
    if (digits === undefined || foreign(char, json)) throw this.wrong(`"\\${char}" is not a valid escape`)
    this.#at++
    if (replacement !== undefined) return replacement
    const code = this.#source.slice(this.#at, this.#at + digits)
    if (!/^[0-9a-fA-F]+$/.test(code) || code.length !== digits || parseInt(code, 16) > 0x10ffff)
      throw this.wrong('the escape needs hexadecimal digits')
    this.#at += code.length
    return json ? String.fromCharCode(parseInt(code, 16)) : String.fromCodePoint(parseInt(code, 16))
  }

  /** `<<END` keeps the lines as they are; `<<-END` takes off the indent of the closing mark. */
  heredoc(): string {
    head.lastIndex = this.#at
    const found = head.exec(this.#source)
    if (!found) throw this.wrong('a heredoc begins with << and a name, alone on its line')
    const start = this.position()
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
  skip(): void {
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
    if (found < 0 && size > 0) throw this.wrong('the comment is not closed: "*/" is missing')
    this.#at = found < 0 ? this.#source.length : found + size
  }

  /** The character here; '' at the end. */
  peek(): string {
    return this.#source[this.#at] ?? ''
  }

  /** Goes on by one character. */
  next(): void {
    this.#at++
  }

  position(): Position {
    return this.#lines.position(this.#at)
  }

  /** What is here, for messages. */
  found(): string {
    const char = this.peek()
    return char === '' ? 'the end' : JSON.stringify(char)
  }

  /** An error about what is here. */
  wrong(message: string): HclError {
    return new HclError(message, this.position())
  }
}
