import { refuse } from '../../contract/fault.ts'
import { parseGoBool } from '../../util/go-bool.ts'
import { parseDuration } from '../../util/duration.ts'

/**
 * The given options of one audit device. A device reads each option here, with all its names, so that every name has the
 * same checks (CVE-2026-5051); options that were not read are refused, and so are empty values.
 */
export class DeviceOptions {
  /**
   * Whether the options are from the configuration file, not from the API: only then may an option refer to files and variables.
   */
  readonly declared: boolean
  readonly #values: Readonly<Record<string, string>>
  readonly #read = new Set<string>()

  constructor(values: Readonly<Record<string, string>>, declared = false) {
    this.#values = values
    this.declared = declared
  }

  /** @throws Fault if two of its names have different values. */
  text(...names: readonly [string, ...string[]]): string | undefined {
    let found: string | undefined
    for (const name of names) {
      this.#read.add(name)
      const value = Object.hasOwn(this.#values, name) ? this.#values[name] : undefined
      if (value === undefined) continue
      if (value.trim() === '') throw refuse(`the audit option "${name}" was given without a value: leave it out`)
      if (found !== undefined && value !== found)
        throw refuse(`${names.join(' and ')} say different things; give one of them`)
      found = value
    }
    return found
  }

  /** @throws Fault if it is none of the values, in any letter case. */
  oneOf<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = values.find((one) => one.toLowerCase() === text.toLowerCase())
    if (value === undefined) throw refuse(`the audit option "${name}" is one of: ${values.join(', ')}`)
    return value
  }

  bool(name: string): boolean | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const parsed = parseGoBool(value)
    if (parsed === undefined) throw refuse(`the audit option "${name}" must be true or false`)
    return parsed
  }

  /** A duration of whole seconds between two limits, in milliseconds. */
  duration(name: string, [least, most]: readonly [number, number]): number | undefined {
    const value = this.text(name)
    if (value === undefined) return undefined
    const seconds = parseDuration(value)
    if (seconds === undefined || seconds < least || seconds > most)
      throw refuse(`the audit option "${name}" is a duration from ${least}s to ${most}s`)
    return seconds * 1000
  }

  /** @throws Fault if there are options that were not read. */
  done(): void {
    if (Object.keys(this.#values).every((name) => this.#read.has(name))) return
    throw refuse(`an audit option is not known here; there are: ${[...this.#read].join(', ')}`)
  }
}

/** The options every audit device has. */
export interface CommonOptions {
  readonly raw: boolean
  readonly hmacAccessor: boolean
  readonly elideLists: boolean
  /** No probe line when the device is enabled. */
  readonly skipTest: boolean
}

/** Reads them. @throws Fault invalid_request naming the option. */
export function commonOptions(options: DeviceOptions): CommonOptions {
  if (options.text('prefix') !== undefined)
    throw refuse('the option "prefix" is not offered: it would let a caller choose what stands in the file')
  const format = options.text('format') ?? 'json'
  if (format === 'jsonx') throw refuse('the format "jsonx" is not offered: audit lines are JSON')
  if (format !== 'json') throw refuse(`unknown format type ${JSON.stringify(format)}`)
  return {
    raw: options.bool('log_raw') ?? false,
    hmacAccessor: options.bool('hmac_accessor') ?? true,
    elideLists: options.bool('elide_list_responses') ?? false,
    skipTest: options.bool('skip_test') ?? false,
  }
}
