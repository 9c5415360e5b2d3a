import { parseDuration } from '../util/duration.ts'

/** What a flag takes. `pairs` and `texts` can be repeated. */
export type FlagKind = 'text' | 'bool' | 'int' | 'duration' | 'texts' | 'pairs'
export interface FlagSpec {
  readonly kind: FlagKind
  readonly about: string
}
export type FlagTable = Readonly<Record<string, FlagSpec>>

/** A mistake on the command line: exit status 1. */
export class UsageError extends Error {}

/** Flags as they were given. */
export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last value given. */
  text(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  bool(name: string, usual = false): boolean {
    const value = this.text(name)
    return value === undefined ? usual : ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)
  }

  int(name: string): number | undefined {
    const value = this.text(name)
    return value === undefined ? undefined : Number(value)
  }

  /** `a=b` texts as an object. */
  pairs(name: string): Record<string, string> | undefined {
    const given = this.#values.get(name)
    if (!given) return undefined
    return Object.fromEntries(
      given.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    )
  }
}

/**
 * Reads a command line as Go programs do: `-x`, `--x`, `-x=v`, `-x v`; flags end at the first argument.
 * @throws UsageError
 */
export function parseFlags(
  args: readonly string[],
  table: FlagTable,
): { readonly flags: Flags; readonly rest: readonly string[] } {
  const values = new Map<string, string[]>()
  let at = 0
  for (; at < args.length; at++) {
    const word = args[at] as string
    if (word === '--') {
      at++
      break
    }
    if (!/^--?[^-]/.test(word)) break
    const [name, given] = cut(word.replace(/^--?/, ''))
    const spec = Object.hasOwn(table, name) ? table[name] : undefined
    if (!spec) throw new UsageError(`flag provided but not defined: -${name}`)
    const value = given ?? (spec.kind === 'bool' ? 'true' : args[++at])
    if (value === undefined) throw new UsageError(`flag needs an argument: -${name}`)
    check(name, spec.kind, value)
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return { flags: new Flags(values), rest: args.slice(at) }
}

function cut(word: string): readonly [string, string | undefined] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)]
}

function check(name: string, kind: FlagKind, value: string): void {
  const wrong = (wanted: string): UsageError => new UsageError(`invalid value "${value}" for flag -${name}: ${wanted}`)
  if (kind === 'bool' && !/^(1|0|t|f|true|false|T|F|TRUE|FALSE|True|False)$/.test(value))
    throw wrong('give true or false')
  if (kind === 'int' && !/^-?\d+$/.test(value)) throw wrong('give a whole number')
  if (kind === 'duration' && value !== '' && value !== 'system' && parseDuration(value) === undefined)
    throw wrong('give a duration such as 30s or 1h')
  if (kind === 'pairs' && !value.includes('=')) throw wrong('give name=value')
}
