import { faultText } from '../util/hcl/fault.ts'
import type { ConfigFault } from '../util/hcl/fault.ts'
import { parseHcl } from '../util/hcl/hcl.ts'
import { HclError } from '../util/hcl/values.ts'
import type { HclItem, HclValue, Position } from '../util/hcl/values.ts'
import { parseDuration } from '../util/duration.ts'
import { suggest } from '../util/suggest.ts'

/** Errors in the configuration, each with file, line and correction. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[]

  /** @param found one line for each, or the message of the only one */
  constructor(found: string | readonly ConfigFault[], options?: ErrorOptions) {
    const faults = typeof found === 'string' ? [{ message: found }] : found
    super(faults.map(faultText).join('\n'), options)
    this.faults = faults
  }
}

/** Faults of one file that are told; who has more of them has another problem. */
const mostFaults = 1000
/** Longer names are no typing errors. */
const longestName = 64

/** One file as it is read: settings are checked against it, so that errors can name their place. */
export class Source {
  readonly file: string
  readonly #faults: ConfigFault[] = []
  /** The settings that could not be read, and those that were meant. */
  readonly #failed: string[] = []
  readonly #named: NamedFile[] = []

  constructor(file: string) {
    this.file = file
  }

  /** What `each` found wrong. */
  get faults(): readonly ConfigFault[] {
    return this.#faults
  }

  /** Settings whose value is not known, because it is wrong or the name is misspelt. */
  get failed(): readonly string[] {
    return this.#failed
  }

  /** Files that settings name, and that were read with them. */
  get named(): readonly NamedFile[] {
    return this.#named
  }

  /** A setting names a file. */
  names(path: string, setting: string): void {
    this.#named.push({ path, setting })
  }

  wrong(at: Position, message: string): ConfigError {
    return new ConfigError([{ file: this.file, line: at.line, message }])
  }

  /** Applies each setting of a block. What is wrong with one does not hide what is wrong with the others: see `faults`. */
  each(items: readonly HclItem[], apply: (item: HclItem) => void): void {
    for (const item of items) this.#attempt(item.key, () => apply(item))
  }

  /** Applies each block of an item, by its label: `storage "level" { … }`, or the same in JSON. */
  eachBlock(value: HclValue, item: HclItem, apply: (label: string, body: HclValue) => void): void {
    for (const [label, body] of labelled(this, value, item)) this.#attempt(item.key, () => apply(label, body))
  }

  #attempt(setting: string, step: () => void): void {
    if (this.#faults.length > mostFaults) return
    if (this.#faults.length === mostFaults) return this.#tooMany()
    const before = this.#failed.length
    try {
      step()
    } catch (thrown) {
      if (!(thrown instanceof ConfigError)) throw thrown
      const fresh = thrown.faults.filter(({ message }) => !followsFrom(message, this.#failed.slice(before)))
      this.#faults.push(...fresh.map((fault) => ({ setting, ...fault })))
      this.#failed.push(setting)
      this.#failed.push(...fresh.flatMap(({ meant }) => meant ?? []))
    }
  }

  #tooMany(): void {
    this.#faults.push({ file: this.file, setting: '', message: `more than ${mostFaults} faults: correct these first` })
  }

  string(value: HclValue, name: string): string {
    if (value.kind === 'string' && value.value.trim() !== '') return value.value
    if (value.kind === 'number') return value.literal
    throw this.wrong(value.at, `${name} must be a string in double quotes, and not an empty one: leave the setting out`)
  }

  bool(value: HclValue, name: string): boolean {
    if (value.kind === 'bool') return value.value
    const text = value.kind === 'string' || value.kind === 'number' ? this.string(value, name) : ''
    if (['true', '1'].includes(text)) return true
    if (['false', '0'].includes(text)) return false
    throw this.wrong(value.at, `${name} must be true or false`)
  }

  seconds(value: HclValue, name: string): number {
    const seconds = value.kind === 'number' ? parseDuration(value.value) : parseDuration(this.string(value, name))
    if (!seconds) throw this.wrong(value.at, `${name} must be a duration of a second or more, such as "768h"`)
    return seconds
  }

  integer(value: HclValue, name: string, least = 0): number {
    const text = this.string(value, name)
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (!(number >= least)) throw this.wrong(value.at, `${name} must be a whole number of at least ${least}`)
    return number
  }

  /** A list of strings, or one comma-separated string. @throws ConfigError if it is empty */
  list(value: HclValue, name: string): readonly string[] {
    const parts =
      value.kind === 'list' ? value.items.map((item) => this.string(item, name)) : this.string(value, name).split(',')
    const words = parts.map((part) => part.trim()).filter((part) => part !== '')
    if (words.length === 0) throw this.wrong(value.at, `${name} is empty; leave it out, or list what it allows`)
    return words
  }

  items(value: HclValue, name: string): readonly HclItem[] {
    if (value.kind !== 'object') throw this.wrong(value.at, `${name} must be a block { … }`)
    return value.items
  }

  /** The setter of a setting. @throws ConfigError with the nearest name */
  setting<T>(settings: Readonly<Record<string, T>>, item: HclItem, where: string): T {
    const found = Object.hasOwn(settings, item.key) ? settings[item.key] : undefined
    if (found !== undefined) return found
    const known = Object.keys(settings)
    const near = item.key.length > longestName ? undefined : suggest(item.key, known)
    const message = `"${item.key.slice(0, longestName)}" is not a setting of ${where}${near ? `; did you mean "${near}"?` : ''}`
    const { file } = this
    throw new ConfigError([
      { file, line: item.at.line, setting: item.key, message, known, ...(near !== undefined && { meant: near }) },
    ])
  }
}

/** A file that a setting names. */
export interface NamedFile {
  readonly path: string
  readonly setting: string
}

/** Whether a message speaks of a setting whose own fault is told already: to tell both would say the same twice. */
function followsFrom(message: string, failed: readonly string[]): boolean {
  const words = new Set(message.split(/\W+/))
  return failed.some((name) => words.has(name))
}

/** Applies a setting to the configuration under construction. */
export type Setter<T> = (source: Source, value: HclValue, draft: T, item: HclItem) => void

/** The blocks of an item by their labels: `storage "level" { … }`, or the same in JSON. */
export function labelled(source: Source, value: HclValue, item: HclItem): (readonly [string, HclValue])[] {
  const [label] = item.labels
  if (label !== undefined) return [[label, value]]
  const bodies = value.kind === 'list' ? value.items : [value]
  return bodies.flatMap((body) => source.items(body, item.key).map((inner) => [inner.key, inner.value] as const))
}

/** The items of a file. @throws ConfigError when it is no HCL. */
export function itemsOf(source: Source, text: string): readonly HclItem[] {
  try {
    return parseHcl(text)
  } catch (thrown) {
    if (thrown instanceof HclError) throw source.wrong(thrown.at, thrown.message)
    throw thrown
  }
}
