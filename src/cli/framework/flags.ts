import { parseDuration } from '../../util/duration.ts'
import { parseGoBool } from '../../util/go-bool.ts'
import { suggest } from '../../util/suggest.ts'

/** What a flag takes. `texts` and `pairs` can be repeated. */
export type FlagKind = 'text' | 'bool' | 'int' | 'duration' | 'texts' | 'pairs'

/** One flag. Help, parsing and the documentation read the same row. */
export interface FlagSpec {
  readonly kind: FlagKind
  readonly about: string
  /** Another name for it: `-ns` for `-namespace`. */
  readonly alias?: string
  /** It may be given empty, and that has a meaning: an empty description, the root namespace. */
  readonly mayBeEmpty?: true
  /** What may stand in place of a duration. */
  readonly words?: readonly string[]
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
    return value === undefined ? usual : parseGoBool(value) === true
  }

  /** A whole number; an empty value counts as not given. */
  int(name: string): number | undefined {
    const value = this.text(name)
    return value === undefined || value === '' ? undefined : Number(value)
  }

  /** `a=b` texts as an object. */
  pairs(name: string): Record<string, string> | undefined {
    const given = this.#values.get(name)
    return given && Object.fromEntries(given.map((pair) => cut(pair)).map(([key, value]) => [key, value ?? '']))
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
    const [written, given] = cut(word.replace(/^--?/, ''))
    const name = nameOf(written, table)
    const spec = table[name] as FlagSpec
    const { kind } = spec
    const value = given ?? (kind === 'bool' ? 'true' : words[++at])
    if (value === undefined) throw new UsageError(`flag needs an argument: -${written}`)
    check(written, spec, value)
    values.set(name, [...(values.get(name) ?? []), value])
  }
  return { flags: new Flags(values), args: words.slice(at) }
}

/** Whether a word is written like a flag. `-` alone means standard input. */
export function looksLikeFlag(word: string): boolean {
  return /^--?[^-]/.test(word)
}

function nameOf(written: string, table: FlagTable): string {
  if (Object.hasOwn(table, written)) return written
  const entry = Object.entries(table).find(([, { alias }]) => alias === written)
  if (entry) return entry[0]
  const near = suggest(written, Object.keys(table))
  throw new UsageError(`flag provided but not defined: -${written}${near ? ` (did you mean -${near}?)` : ''}`)
}

function cut(word: string): readonly [string, string | undefined] {
  const equals = word.indexOf('=')
  return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)]
}

const durationWords = ['', 'system']

function check(name: string, { kind, mayBeEmpty, words }: FlagSpec, value: string): void {
  const wrong = (wanted: string): UsageError => new UsageError(`invalid value "${value}" for flag -${name}: ${wanted}`)
  // Taken as not given, it would do more than was meant: no check, no wrapping, no role.
  if (value.trim() === '' && !mayBeEmpty) throw wrong('it is empty; is a variable not set? Leave the flag out instead')
  if (kind === 'bool' && parseGoBool(value) === undefined) throw wrong('give true or false')
  if (kind === 'int' && !(/^-?\d*$/.test(value) && Number.isSafeInteger(Number(value))))
    throw wrong('give a whole number')
  if (kind === 'duration' && !(words ?? durationWords).includes(value) && parseDuration(value) === undefined)
    throw wrong('give a duration such as 30s or 1h')
  if (kind === 'pairs' && !value.includes('=')) throw wrong('give name=value')
}
