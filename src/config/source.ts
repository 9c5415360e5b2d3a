import { parseHcl } from '../util/hcl/hcl.ts'
import { HclError } from '../util/hcl/values.ts'
import type { HclItem, HclValue, Position } from '../util/hcl/values.ts'
import { parseDuration } from '../util/duration.ts'
import { suggest } from '../util/suggest.ts'

/** An error in the configuration, with file, line and correction. */
export class ConfigError extends Error {}

/** One file as it is read: settings are checked against it, so that errors can name their place. */
export class Source {
  readonly file: string

  constructor(file: string) {
    this.file = file
  }

  wrong(at: Position, message: string): ConfigError {
    return new ConfigError(`${this.file}:${at.line}: ${message}`)
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

  /** The setter of a setting, or an error with the nearest name. */
  setting<T>(settings: Readonly<Record<string, T>>, item: HclItem, where: string): T {
    const found = Object.hasOwn(settings, item.key) ? settings[item.key] : undefined
    if (found !== undefined) return found
    const near = suggest(item.key, Object.keys(settings))
    throw this.wrong(item.at, `"${item.key}" is not a setting of ${where}${near ? `; did you mean "${near}"?` : ''}`)
  }
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
    if (thrown instanceof HclError) throw new ConfigError(`${source.file}:${thrown.at.line}: ${thrown.message}`)
    throw thrown
  }
}
