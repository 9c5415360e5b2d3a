import { hash } from 'node:crypto'
import { base64, fromBase64, hex, text as textOf, utf8 } from '../util/bytes.ts'

/** What a template is filled with. */
export interface TemplateValues {
  readonly path: string
  readonly key: string
}

/** One action of a template: a value, and functions that it goes through. */
export interface Pipeline {
  /** Which values it uses. */
  readonly values: ReadonlySet<keyof TemplateValues>
  /** Undefined when a function cannot be applied, or when some step is longer than `longest` characters. */
  run(values: TemplateValues, longest: number): string | undefined
}

type Argument = { readonly text: string } | { readonly number: number } | { readonly value: keyof TemplateValues }
interface Command {
  readonly name: string | undefined
  readonly arguments: readonly Argument[]
}
type Apply = (text: string, more: readonly (string | number)[]) => string | undefined

/** OpenBao's functions that give the same for the same text; `takes`: the arguments before the text. */
const functions: Readonly<Record<string, { readonly takes: readonly ('text' | 'number')[]; readonly apply: Apply }>> = {
  replace: { takes: ['text', 'text'], apply: (text, [find, by]) => replaced(text, String(find), String(by)) },
  truncate: { takes: ['number'], apply: (text, [most]) => firstBytes(text, Number(most)) },
  truncate_sha256: { takes: ['number'], apply: (text, [most]) => shortened(text, Number(most)) },
  lowercase: { takes: [], apply: (text) => text.toLowerCase() },
  uppercase: { takes: [], apply: (text) => text.toUpperCase() },
  sha256: { takes: [], apply: (text) => hash('sha256', text, 'hex') },
  base64: { takes: [], apply: (text) => base64(utf8(text)) },
  decode_base64: {
    takes: [],
    apply: (text) => {
      const bytes = fromBase64(text)
      return bytes && textOf(bytes)
    },
  },
  hex: { takes: [], apply: (text) => hex(utf8(text)) },
}

/** Characters that one replacing may put in: no path is as long. */
const mostPutIn = 64 * 1024

function replaced(text: string, find: string, by: string): string | undefined {
  if (find === '') return undefined
  const pieces = text.split(find)
  return pieces.length * by.length > mostPutIn ? undefined : pieces.join(by)
}

const firstBytes = (text: string, most: number): string => textOf(utf8(text).subarray(0, most))

/** The end of a long text becomes eight digits of its hash. */
function shortened(text: string, most: number): string | undefined {
  const bytes = utf8(text)
  if (bytes.length <= most) return text
  if (most <= 8) return undefined
  return textOf(bytes.subarray(0, most - 8)) + hash('sha256', bytes.subarray(most - 8), 'hex').slice(0, 8)
}

const token = /\s*(?:(\|)|"((?:[^"\\]|\\["\\])*)"|`([^`]*)`|(\d{1,4})(?!\w)|\.(path|key)(?!\w)|([a-z]\w*))\s*/y

/** Reads what stands between the braces. Undefined for anything that is not known here. */
export function readPipeline(source: string): Pipeline | undefined {
  const commands = commandsOf(source)
  if (!commands?.every((command, at) => isCallable(command, at > 0))) return undefined
  const used = commands.flatMap((command) => command.arguments.flatMap((one) => ('value' in one ? [one.value] : [])))
  return {
    values: new Set(used),
    run: (values, longest) => {
      let result: string | undefined
      for (const command of commands) {
        result = called(command, values, result)
        if (result === undefined || result.length > longest) return undefined
      }
      return result
    },
  }
}

function commandsOf(source: string): Command[] | undefined {
  const commands: { name: string | undefined; arguments: Argument[] }[] = [{ name: undefined, arguments: [] }]
  for (let at = 0; at < source.length; at = token.lastIndex) {
    token.lastIndex = at
    const found = token.exec(source)
    if (!found) return undefined
    const [, pipe, quoted, raw, digits, value, name] = found
    const last = commands.at(-1) as (typeof commands)[number]
    if (pipe) commands.push({ name: undefined, arguments: [] })
    else if (name !== undefined) {
      if (last.name !== undefined || last.arguments.length > 0) return undefined
      last.name = name
    } else if (value === 'path' || value === 'key') last.arguments.push({ value })
    else if (digits !== undefined) last.arguments.push({ number: Number(digits) })
    else last.arguments.push({ text: raw ?? (quoted ?? '').replaceAll(/\\(["\\])/g, '$1') })
  }
  return commands
}

/** @param piped the result before it comes as the last argument */
function isCallable({ name, arguments: given }: Command, piped: boolean): boolean {
  if (name === undefined) return !piped && given.length === 1 && !('number' in (given[0] as Argument))
  const spec = Object.hasOwn(functions, name) ? functions[name] : undefined
  if (!spec || given.length + Number(piped) !== spec.takes.length + 1) return false
  const kinds = given.map((one) => ('number' in one ? 'number' : 'text'))
  if (!kinds.every((kind, at) => kind === (spec.takes[at] ?? 'text'))) return false
  const [first] = given
  if (name === 'replace') return first !== undefined && (!('text' in first) || first.text !== '')
  return spec.takes[0] !== 'number' || (first !== undefined && 'number' in first && first.number > 0)
}

function called(
  { name, arguments: given }: Command,
  values: TemplateValues,
  before: string | undefined,
): string | undefined {
  const all = given.map((one) => ('value' in one ? values[one.value] : 'number' in one ? one.number : one.text))
  if (before !== undefined) all.push(before)
  const last = String(all.at(-1))
  return name === undefined ? last : functions[name]?.apply(last, all.slice(0, -1))
}
