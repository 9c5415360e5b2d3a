import { Scanner } from './scanner.ts'
import { HclError, once } from './values.ts'
import type { HclItem, HclValue, Position } from './values.ts'
import { literalOf } from './words.ts'

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

class Reader {
  readonly #scan: Scanner
  readonly #maxParts: number
  #depth = 0
  #parts = 0

  constructor(source: string, maxParts: number) {
    this.#maxParts = maxParts
    this.#scan = new Scanner(source)
  }

  document(): readonly HclItem[] {
    this.#scan.skip()
    if (this.#scan.peek() === '{') {
      const value = this.#object(true)
      this.#scan.skip()
      if (!this.#scan.atEnd) throw this.#scan.wrong('unexpected input after the end of the JSON object')
      return value.items
    }
    return this.#items(false, false)
  }

  /** Items up to the end of the source, or of the object. */
  #items(inObject: boolean, json: boolean): HclItem[] {
    const items: HclItem[] = []
    const set = new Map<string, Position>()
    for (;;) {
      this.#scan.skip()
      if (this.#scan.atEnd) {
        if (inObject) throw this.#scan.wrong('the object is not closed: "}" is missing')
        return items
      }
      if (inObject && this.#scan.peek() === '}') return items
      items.push(this.#item(json, set))
      this.#scan.skip()
      const comma = this.#scan.peek() === ','
      if (comma) this.#scan.next()
      this.#scan.skip()
      if (json && comma && this.#scan.peek() === '}') throw this.#scan.wrong('a comma before "}"')
      if (json && !comma && this.#scan.peek() !== '}') throw this.#scan.wrong('a comma or "}" is missing')
    }
  }

  /** @param set where the attributes of this body were set */
  #item(json: boolean, set: Map<string, Position>): HclItem {
    const at = this.#scan.position()
    const keys = [this.#key(json)]
    for (;;) {
      this.#scan.skip()
      const char = this.#scan.peek()
      if (char === '=' || char === ':') {
        if ((char === ':') !== json)
          throw this.#scan.wrong(json ? 'expected ":" after the key' : 'expected "=" after the key')
        if (keys.length > 1) throw this.#scan.wrong('a value cannot have labels')
        const key = keys[0] as string
        once(set, key, at)
        this.#scan.next()
        this.#scan.skip()
        return { key, labels: [], value: this.#value(json), at }
      }
      if (json) throw this.#scan.wrong('expected ":" after the key')
      if (char === '{') return { key: keys[0] as string, labels: keys.slice(1), value: this.#object(false), at }
      if (char === '' || char === '}' || char === ',')
        throw this.#scan.wrong('the name here has neither a value nor a block')
      keys.push(this.#key(false))
    }
  }

  #key(json: boolean): string {
    this.#count()
    if (this.#scan.peek() === '"') return this.#scan.quoted(json)
    if (json) throw this.#scan.wrong('a key must be a string in double quotes')
    const found = this.#scan.word()
    if (!found) throw this.#scan.wrong(`unexpected ${this.#scan.found()}`)
    return found
  }

  #value(json: boolean): HclValue {
    const at = this.#scan.position()
    const char = this.#scan.peek()
    if (char === '"') return { kind: 'string', value: this.#scan.quoted(json), at }
    if (char === '{') return this.#object(json)
    if (char === '[') return this.#list(json)
    if (char === '<' && !json) return { kind: 'string', value: this.#scan.heredoc(), at }
    return this.#literal(json, at)
  }

  #literal(json: boolean, at: Position): HclValue {
    const found = this.#scan.token()
    if (!found) throw this.#scan.wrong(`expected a value, found ${this.#scan.found()}`)
    const value = literalOf(found, json, at)
    if (!value) throw this.#scan.wrong('expected a value: a string needs double quotes')
    this.#scan.pass(found.length)
    return value
  }

  #object(json: boolean): Extract<HclValue, { kind: 'object' }> {
    const at = this.#scan.position()
    this.#deeper()
    this.#scan.next()
    const items = this.#items(true, json)
    this.#scan.next()
    this.#depth--
    return { kind: 'object', items, at }
  }

  #list(json: boolean): HclValue {
    const at = this.#scan.position()
    this.#deeper()
    this.#scan.next()
    const items: HclValue[] = []
    for (;;) {
      this.#scan.skip()
      if (this.#scan.peek() === ']') {
        if (json && items.length > 0) throw this.#scan.wrong('a comma before "]"')
        break
      }
      this.#count()
      items.push(this.#value(json))
      this.#scan.skip()
      if (this.#scan.peek() === ']') break
      if (this.#scan.peek() !== ',')
        throw this.#scan.wrong('a list needs commas between its values, and "]" at its end')
      this.#scan.next()
    }
    this.#scan.next()
    this.#depth--
    return { kind: 'list', items, at }
  }

  #count(): void {
    if (++this.#parts > this.#maxParts)
      throw this.#scan.wrong(`the text has more than ${this.#maxParts} attributes, names and values`)
  }

  #deeper(): void {
    if (++this.#depth > maxDepth) throw this.#scan.wrong(`nested deeper than ${maxDepth} levels`)
  }
}
