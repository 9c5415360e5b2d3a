import { TemplateError } from './error.ts'
import { functions } from './functions.ts'
import { Tokens, tokensOf } from './tokens.ts'

/** A value within a template. */
export type Expression =
  | { readonly kind: 'value'; readonly value: unknown }
  /** `.a.b` */
  | { readonly kind: 'fields'; readonly names: readonly string[] }
  | { readonly kind: 'call'; readonly name: string; readonly args: readonly Expression[] }

/** A part of a template. */
export type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'print'; readonly value: Expression }
  | {
      readonly kind: 'if'
      readonly test: Expression
      readonly parts: readonly Part[]
      readonly otherwise: readonly Part[]
    }

/** What is wrong with a template, if anything is. */
export function templateFault(text: string): string | undefined {
  try {
    parseTemplate(text)
    return undefined
  } catch (thrown) {
    if (thrown instanceof TemplateError) return thrown.message
    throw thrown
  }
}

/** Reads a template of Go's text/template: fields, pipelines, functions and `if`. @throws TemplateError */
export function parseTemplate(text: string): readonly Part[] {
  const chunks = chunksOf(text)
  const { parts, end } = bodyOf(chunks)
  if (end !== undefined) throw new TemplateError(`{{ ${end.words[0] ?? ''} }} without {{ if }}`)
  return parts
}

interface Action {
  readonly words: readonly string[]
}

/** Texts and actions in turn; blanks beside `{{-` and `-}}` are removed. */
function* chunksOf(text: string): Generator<string | Action, void, undefined> {
  const pattern = /\{\{(- )?((?:"(?:[^"\\\n]|\\.)*"|`[^`]*`|[^"`}]|\}(?!\}))*?)( -)?\}\}/y
  let at = 0
  let trims = false
  for (;;) {
    const start = text.indexOf('{{', at)
    pattern.lastIndex = start
    const found = start < 0 ? undefined : pattern.exec(text)
    if (start >= 0 && !found) throw new TemplateError('an action {{ … is not closed')
    const before = text.slice(at, start < 0 ? undefined : start)
    const trimmed = trims ? before.trimStart() : before
    yield found?.[1] === undefined ? trimmed : trimmed.trimEnd()
    if (!found) return
    trims = found[3] !== undefined
    at = start + found[0].length
    const inner = found[2] ?? ''
    if (!/^\s*\/\*[^]*\*\/\s*$/.test(inner)) yield { words: tokensOf(inner) }
  }
}

function bodyOf(
  chunks: Iterator<string | Action>,
  depth = 0,
): { readonly parts: readonly Part[]; readonly end?: Action } {
  const parts: Part[] = []
  for (let next = chunks.next(); !next.done; next = chunks.next()) {
    const chunk = next.value
    if (typeof chunk === 'string') {
      if (chunk !== '') parts.push({ kind: 'text', text: chunk })
      continue
    }
    const [word] = chunk.words
    if (word === 'end' || word === 'else') return { parts, end: chunk }
    if (word !== undefined && refused.has(word)) throw new TemplateError(`{{ ${word} }} is not offered here`)
    if (word !== 'if') parts.push({ kind: 'print', value: expressionOf(chunk.words) })
    else parts.push(conditionOf(chunk.words.slice(1), chunks, depth))
  }
  return { parts }
}

const refused = new Set(['range', 'with', 'define', 'template', 'block', 'break', 'continue'])
const mostNested = 32

function conditionOf(test: readonly string[], chunks: Iterator<string | Action>, depth: number): Part {
  if (depth > mostNested) throw new TemplateError('{{ if }} is nested too deep')
  const then = bodyOf(chunks, depth + 1)
  const words = then.end?.words
  if (!words) throw new TemplateError('{{ if }} without {{ end }}')
  const found = { kind: 'if', test: expressionOf(test), parts: then.parts } as const
  if (words[0] === 'end') return { ...found, otherwise: [] }
  if (words[1] === 'if') return { ...found, otherwise: [conditionOf(words.slice(2), chunks, depth + 1)] }
  const otherwise = bodyOf(chunks, depth + 1)
  if (otherwise.end?.words[0] !== 'end') throw new TemplateError('{{ else }} without {{ end }}')
  return { ...found, otherwise: otherwise.parts }
}

function expressionOf(words: readonly string[]): Expression {
  const tokens = new Tokens(words)
  const value = pipeline(tokens)
  if (tokens.peek() !== undefined) throw new TemplateError(`unexpected ${tokens.peek() ?? ''}`)
  return value
}

/** `a | f x` is `f x a`. */
function pipeline(tokens: Tokens): Expression {
  let value = command(tokens)
  while (tokens.take('|')) value = command(tokens, value)
  return value
}

function command(tokens: Tokens, last?: Expression): Expression {
  const name = tokens.peek()
  if (name !== undefined && /^[a-z_]\w*$/i.test(name) && !['true', 'false', 'nil'].includes(name)) {
    tokens.next()
    if (!functions.has(name)) throw new TemplateError(`there is no function "${name}"; there are: ${[...functions.keys()].join(', ')}`) // prettier-ignore
    const args: Expression[] = []
    while (!tokens.atEnd) args.push(operand(tokens))
    return { kind: 'call', name, args: last ? [...args, last] : args }
  }
  const value = operand(tokens)
  if (last || !tokens.atEnd) throw new TemplateError('only a function takes arguments')
  return value
}

function operand(tokens: Tokens): Expression {
  const token = tokens.next()
  if (token === undefined) throw new TemplateError('a value is missing')
  if (token === '(') {
    const of = pipeline(tokens)
    if (!tokens.take(')')) throw new TemplateError('")" is missing')
    return of
  }
  if (token.startsWith('.') || token === '$' || token.startsWith('$.')) return { kind: 'fields', names: fieldsOf(token.replace(/^\$/, '')) } // prettier-ignore
  if (token.startsWith('"')) return { kind: 'value', value: unquoted(token) }
  if (token.startsWith('`')) return { kind: 'value', value: token.slice(1, -1) }
  if (/^-?\d+(\.\d+)?$/.test(token)) return { kind: 'value', value: Number(token) }
  if (token === 'true' || token === 'false') return { kind: 'value', value: token === 'true' }
  if (token === 'nil') return { kind: 'value', value: null }
  if (functions.has(token)) return { kind: 'call', name: token, args: [] }
  throw new TemplateError(`unexpected ${token}`)
}

const fieldsOf = (token: string): readonly string[] => token.split('.').filter((name) => name !== '')

function unquoted(token: string): string {
  try {
    return JSON.parse(token) as string
  } catch {
    throw new TemplateError('a string has an escape that is not known')
  }
}
