import { templateFunctions } from './functions.ts'
import type { Kind, Value } from './functions.ts'

/** The values for a template. */
interface TemplateValues {
  readonly path: string
  readonly key: string
}

/** One action of a template: a value, and the functions applied to it. */
export interface Pipeline {
  /** Which values it uses. */
  readonly values: ReadonlySet<keyof TemplateValues>
  /** Undefined when a function cannot be applied, or when some step is longer than `longest` characters. */
  run(values: TemplateValues, longest: number): string | undefined
}

type Term =
  | { readonly is: 'constant'; readonly value: Value }
  | { readonly is: 'value'; readonly name: keyof TemplateValues }
  | { readonly is: 'call'; readonly name: string; readonly terms: readonly Term[] }

const token =
  /\s*(?:([|()])|"((?:[^"\\]|\\["\\])*)"|`([^`]*)`|(-?\d{1,9})(?![\w.])|\.(path|key)(?!\w)|(true|false)(?!\w)|([a-z]\w*))\s*/y
/** How deep parentheses may stand in one another. */
const deepest = 20

/** Parses the content of the braces. Undefined if it has anything unknown. */
export function readPipeline(text: string): Pipeline | undefined {
  const tokens = tokensOf(text)
  const reader = tokens && new Reader(tokens)
  const term = reader?.pipeline(0)
  if (!reader?.isAtEnd || term === undefined || (term.is === 'constant' && typeof term.value !== 'string'))
    return undefined
  return {
    values: new Set(valuesIn(term)),
    run: (values, longest) => {
      const result = valueOf(term, values, longest)
      return result === undefined ? undefined : String(result)
    },
  }
}

type Token = Term | { readonly is: 'sign'; readonly sign: string } | { readonly is: 'name'; readonly name: string }

function tokensOf(text: string): Token[] | undefined {
  const tokens: Token[] = []
  for (let at = 0; at < text.length; at = token.lastIndex) {
    token.lastIndex = at
    const found = token.exec(text)
    if (!found) return undefined
    const [, sign, quoted, raw, digits, value, boolean, name] = found
    if (sign !== undefined) tokens.push({ is: 'sign', sign })
    else if (value === 'path' || value === 'key') tokens.push({ is: 'value', name: value })
    else if (name !== undefined) tokens.push({ is: 'name', name })
    else tokens.push({ is: 'constant', value: constantOf(digits, boolean, raw ?? (quoted ?? '').replaceAll(/\\(["\\])/g, '$1')) }) // prettier-ignore
  }
  return tokens
}

function constantOf(digits: string | undefined, boolean: string | undefined, text: string): Value {
  return digits === undefined ? (boolean === undefined ? text : boolean === 'true') : Number(digits)
}

class Reader {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  get isAtEnd(): boolean {
    return this.#at === this.#tokens.length
  }

  /** Commands between bars, each with the result before it as its last argument. */
  pipeline(depth: number): Term | undefined {
    let term: Term | undefined
    do {
      term = this.#command(term, depth)
      if (term === undefined) return undefined
    } while (this.#takes('|'))
    return term
  }

  #command(before: Term | undefined, depth: number): Term | undefined {
    const first = this.#tokens[this.#at]
    const name = first?.is === 'name' ? first.name : undefined
    if (name !== undefined) this.#at++
    const terms: Term[] = []
    for (let term = this.#argument(depth); term !== undefined; term = this.#argument(depth)) terms.push(term)
    if (name === undefined) return before === undefined && terms.length === 1 ? terms[0] : undefined
    return called(name, before === undefined ? terms : [...terms, before])
  }

  #argument(depth: number): Term | undefined {
    const next = this.#tokens[this.#at]
    if (next?.is === 'constant' || next?.is === 'value') {
      this.#at++
      return next
    }
    if (depth >= deepest || !this.#takes('(')) return undefined
    const term = this.pipeline(depth + 1)
    return this.#takes(')') ? term : undefined
  }

  #takes(sign: string): boolean {
    const next = this.#tokens[this.#at]
    if (next?.is !== 'sign' || next.sign !== sign) return false
    this.#at++
    return true
  }
}

/** A call, if the function exists and accepts these arguments. */
function called(name: string, terms: readonly Term[]): Term | undefined {
  const definition = Object.hasOwn(templateFunctions, name) ? templateFunctions[name] : undefined
  if (!definition) return undefined
  const { takes, repeats = false, optional = 0 } = definition
  if (terms.length < takes.length - optional || (!repeats && terms.length > takes.length)) return undefined
  const fits = terms.every((term, at) => {
    const wanted = takes[Math.min(at, takes.length - 1)]
    return wanted === 'any' || kindOf(term) === 'any' || kindOf(term) === wanted
  })
  return fits && !alwaysFails(name, terms) ? { is: 'call', name, terms } : undefined
}

/** A template that fails with every value: it is refused when the policy is written. */
function alwaysFails(name: string, [first]: readonly Term[]): boolean {
  if (first?.is !== 'constant') return false
  return name === 'replace' ? first.value === '' : name.startsWith('truncate') && Number(first.value) <= 0
}

function kindOf(term: Term): Kind {
  if (term.is === 'value') return 'string'
  return term.is === 'call' ? (templateFunctions[term.name]?.gives ?? 'any') : (typeof term.value as Kind)
}

function valuesIn(term: Term): readonly (keyof TemplateValues)[] {
  if (term.is === 'value') return [term.name]
  return term.is === 'call' ? term.terms.flatMap(valuesIn) : []
}

function valueOf(term: Term, values: TemplateValues, longest: number): Value | undefined {
  if (term.is === 'constant') return term.value
  if (term.is === 'value') return values[term.name]
  const taken: Value[] = []
  const definition = templateFunctions[term.name]
  for (const [at, one] of term.terms.entries()) {
    const value = valueOf(one, values, longest)
    const wanted = definition?.takes[Math.min(at, definition.takes.length - 1)]
    if (value === undefined || (wanted !== 'any' && typeof value !== wanted)) return undefined
    // The rest is not evaluated, as in Go.
    if ((term.name === 'and' && !value) || (term.name === 'or' && value)) return value
    taken.push(value)
  }
  const result = definition?.apply(taken, longest)
  return typeof result === 'string' && result.length > longest ? undefined : result
}
