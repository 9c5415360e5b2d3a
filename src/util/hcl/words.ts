import type { HclValue, Position } from './values.ts'

/** The starts of the lines of a source. Most lookups are after the previous one. */
export class Lines {
  readonly #starts: number[] = [0]
  #line = 0

  /** @param source the complete text */
  constructor(source: string) {
    for (let at = source.indexOf('\n'); at >= 0; at = source.indexOf('\n', at + 1)) this.#starts.push(at + 1)
  }

  /** @param at an index into the text */
  position(at: number): Position {
    while ((this.#starts[this.#line] as number) > at) this.#line--
    while ((this.#starts[this.#line + 1] ?? Infinity) <= at) this.#line++
    return { line: this.#line + 1, column: at - (this.#starts[this.#line] as number) + 1 }
  }
}

/** Characters of an HCL string without escapes. */
export const plainText = /[^"\\\n$]+/y
/** Characters of a JSON string without escapes. */
export const plainJson = /[^"\\\u0000-\u001f]+/y

/** The characters of escapes, by their letter, of both languages. */
export const escapes: ReadonlyMap<string, string> = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['"', '"'],
  ['\\', '\\'],
  ['b', '\b'],
  ['f', '\f'],
  ['/', '/'],
  ['a', '\x07'],
  ['v', '\v'],
])

/** Whether the other language has this escape, and this one has not. */
export const foreign = (char: string, json: boolean): boolean => (json ? 'av' : '/').includes(char)

/** The number of hexadecimal digits after an escape's letter. */
export function digitsOf(char: string, json: boolean): number | undefined {
  if (char === 'u') return 4
  return json ? undefined : char === 'U' ? 8 : char === 'x' ? 2 : undefined
}

/** A number, `true`, `false` or, in JSON, `null`; undefined for any other word. */
export function literalOf(token: string, json: boolean, at: Position): HclValue | undefined {
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

/** The content of a heredoc; the common indent of all lines is removed. */
export function unindented(lines: readonly string[], indent: string): string {
  const all = indent !== '' && lines.every((line) => line.startsWith(indent) || line.trim() === '')
  return lines.map((line) => `${all ? line.slice(indent.length) : line}\n`).join('')
}
