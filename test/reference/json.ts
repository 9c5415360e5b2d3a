import { Numeral } from '../../src/util/json.ts'

const space = /[ \t\n\r]*/y
const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const string = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const word = /true|false|null/y
const words: Readonly<Record<string, unknown>> = { true: true, false: false, null: null }
const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }

/**
 * RFC 8259 as it is written, one value after the other: the slow twin of `readJson`.
 * @throws Error for a document that is none, a duplicate name, or half a surrogate pair
 */
export function slowJson(bytes: Uint8Array): unknown {
  const reader = new Reader(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  const value = reader.value()
  reader.end()
  return value
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** ws value ws (§2, §3). */
  value(): unknown {
    this.#match(space)
    const value = this.#bare()
    this.#match(space)
    return value
  }

  end(): void {
    if (this.#at !== this.#text.length) throw new Error('more than one value')
  }

  #bare(): unknown {
    const next = this.#text[this.#at]
    if (next === '{') return this.#object()
    if (next === '[') return this.#array()
    if (next === '"') return this.#string()
    const found = this.#match(word)
    if (found !== undefined) return words[found]
    const literal = this.#match(number)
    if (literal === undefined) throw new Error('no value')
    return String(Number(literal)) === literal ? Number(literal) : new Numeral(literal)
  }

  #object(): unknown {
    const object = {}
    this.#items('}', () => {
      this.#match(space)
      const name = this.#string()
      this.#match(space)
      this.#take(':')
      const value = this.value()
      if (Object.hasOwn(object, name)) throw new Error('a duplicate name')
      Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
    })
    return object
  }

  #array(): unknown {
    const list: unknown[] = []
    this.#items(']', () => list.push(this.value()))
    return list
  }

  /** Items with commas between them, behind the opening bracket that comes next. */
  #items(close: string, item: () => void): void {
    this.#at++
    this.#match(space)
    if (this.#text[this.#at] === close) return this.#take(close)
    item()
    while (this.#text[this.#at] === ',') {
      this.#at++
      item()
    }
    return this.#take(close)
  }

  #string(): string {
    const literal = this.#match(string)
    if (literal === undefined) throw new Error('no string')
    const value = literal
      .slice(1, -1)
      .replace(/\\(?:u(.{4})|(.))/g, (_, code: string | undefined, letter: string) =>
        code === undefined ? (escapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
      )
    if (/\p{Surrogate}/u.test(value)) throw new Error('half a surrogate pair')
    return value
  }

  #take(letter: string): void {
    if (this.#text[this.#at] !== letter) throw new Error(`no ${letter}`)
    this.#at++
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    this.#at += found?.length ?? 0
    return found
  }
}
