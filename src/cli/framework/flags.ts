import { parseDuration } from '../../util/duration.ts'
import { parseGoBool } from '../../util/go-bool.ts'
import { suggest } from '../../util/suggest.ts'

/** The type of a flag's value. `strings` and `pairs` can be repeated. */
export type FlagKind = 'string' | 'bool' | 'int' | 'duration' | 'strings' | 'pairs'

/** One flag. Help, parsing and the documentation read the same row. */
export interface FlagSpec {
  readonly kind: FlagKind
  readonly about: string
  /** Another name for it: `-ns` for `-namespace`. */
  readonly alias?: string
  /** It may be empty, with a meaning: an empty description, the root namespace. */
  readonly mayBeEmpty?: true
  /** Words accepted in place of a duration. */
  readonly words?: readonly string[]
}
export type FlagTable = Readonly<Record<string, FlagSpec>>

/** A mistake on the command line: exit status 1. */
export class UsageError extends Error {}

/** The flags of one command line. */
export class Flags {
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values
  }

  has(name: string): boolean {
    return this.#values.has(name)
  }

  /** The last given value. */
  string(name: string): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  strings(name: string): readonly string[] {
    return this.#values.get(name) ?? []
  }

  bool(name: string, usual = false): boolean {
    const value = this.string(name)
    return value === undefined ? usual : parseGoBool(value) === true
  }

  /** An integer; an empty value counts as absent. */
  int(name: string): number | undefined {
    const value = this.string(name)
    return value === undefined || value === '' ? undefined : Number(value)
  }

  /** `a=b` strings as an object. */
  pairs(name: string): Record<string, string> | undefined {
    const values = this.#values.get(name)
    return values && Object.fromEntries(values.map((pair) => cut(pair)).map(([key, value]) => [key, value ?? '']))
  }
}

/**
 * Reads a command line as Go programs do: `-x`, `--x`, `-x=v`, `-x v`; flags end at the first argument or at `--`.
 * @throws UsageError
 */
export function parseFlags(
  words: readonly string[],
  table: FlagTable,
): { readonly flags: Flags; readonly args: readonly string[] } {
  const values = new Map<string, string[]>()
  let at = 0
  for (; at < words.length; at++) {
    const word = words[at] as string
    if (word === '--') {
      at++
      break
    }
    if (!looksLikeFlag(word)) break
    const [typedName, inlineValue] = cut(word.replace(/^--?/, ''))
    const name = nameOf(typedName, table)
    const spec = table[name] as FlagSpec
    const { kind } = spec
    const value = inlineValue ?? (kind === 'bool' ? 'true' : words[++at])
    if (value === undefined) throw new UsageError(`flag needs an argument: -${typedName}`)
    check(typedName, spec, value)
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return { flags: new Flags(values), args: words.slice(at) }
}

/** Whether a word is written like a flag. `-` alone means standard input. */
export function looksLikeFlag(word: string): boolean {
  return /^--?[^-]/.test(word)
}

function nameOf(input: string, table: FlagTable): string {
  if (Object.hasOwn(table, input)) return input
  const entry = Object.entries(table).find(([, { alias }]) => alias === input)
  if (entry) return entry[0]
  const near = suggest(input, Object.keys(table))
  throw new UsageError(`flag provided but not defined: -${input}${near ? ` (did you mean -${near}?)` : ''}`)
}

function cut(word: string): readonly [string, string | undefined] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)]
}

const durationWords = ['', 'system']

function check(name: string, { kind, mayBeEmpty, words }: FlagSpec, value: string): void {
  const wrong = (wanted: string): UsageError => new UsageError(`invalid value "${value}" for flag -${name}: ${wanted}`)
  // If an empty value counted as absent, the command would do more than intended: no check, no wrapping, no role.
  if (value.trim() === '' && !mayBeEmpty) throw wrong('it is empty; is a variable unset? Leave the flag out instead')
  if (kind === 'bool' && parseGoBool(value) === undefined) throw wrong('give true or false')
  if (kind === 'int' && !(/^-?\d*$/.test(value) && Number.isSafeInteger(Number(value)))) throw wrong('give an integer')
  if (kind === 'duration' && !(words ?? durationWords).includes(value) && parseDuration(value) === undefined)
    throw wrong('give a duration such as 30s or 1h')
  if (kind === 'pairs' && !value.includes('=')) throw wrong('give name=value')
}
