import type { AuditDeviceSpec } from '../contract/audit.ts'
import { refuse } from '../contract/fault.ts'

const own = ['format', 'log_raw', 'hmac_accessor', 'elide_list_responses', 'skip_test', 'prefix']
const ofDevices = ['file_path', 'path', 'mode', 'sync']
const booleans = ['log_raw', 'hmac_accessor', 'elide_list_responses', 'skip_test']

/** The options every audit device has. */
export interface CommonOptions {
  readonly raw: boolean
  readonly hmacAccessor: boolean
  readonly elideLists: boolean
  /** No probe line when the device is enabled. */
  readonly skipTest: boolean
}

/** Reads them. The options themselves are kept as they were given. @throws Fault invalid_request naming the option. */
export function commonOptions({ options }: AuditDeviceSpec): CommonOptions {
  const known = [...ofDevices, ...own]
  if (Object.keys(options).some((name) => !known.includes(name)))
    throw refuse(`an audit option is not known here; there are: ${known.join(', ')}`)
  if (options['prefix'])
    throw refuse('the option "prefix" is not offered: it would let a caller choose what stands in the file')
  const format = options['format'] ?? 'json'
  if (format === 'jsonx') throw refuse('the format "jsonx" is not offered: audit lines are JSON')
  if (format !== 'json' && format !== '') throw refuse(`unknown format type ${JSON.stringify(format)}`)
  const [raw, hmacAccessor, elideLists, skipTest] = booleans.map((name) => booleanOf(name, options[name]))
  return {
    raw: raw ?? false,
    hmacAccessor: hmacAccessor ?? true,
    elideLists: elideLists ?? false,
    skipTest: skipTest ?? false,
  }
}

function booleanOf(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined || value === '') return undefined
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  throw refuse(`the audit option "${name}" must be true or false`)
}
