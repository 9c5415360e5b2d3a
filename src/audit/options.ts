import type { AuditDeviceSpec } from '../contract/audit.ts'
import { refuse } from '../contract/fault.ts'

const known = [
  'file_path',
  'path',
  'mode',
  'sync',
  'format',
  'log_raw',
  'hmac_accessor',
  'elide_list_responses',
  'skip_test',
  'prefix',
]
const booleans = ['log_raw', 'hmac_accessor', 'elide_list_responses', 'skip_test']

/** A device's settings, checked; booleans become "1" and "0". @throws Fault invalid_request naming the option. */
export function checkedSpec(spec: AuditDeviceSpec): AuditDeviceSpec {
  const { options } = spec
  const strange = Object.keys(options).find((name) => !known.includes(name))
  if (strange !== undefined) throw refuse(`the audit option "${strange}" is not known; there are: ${known.join(', ')}`)
  if (options['prefix'])
    throw refuse('the option "prefix" is not offered: it would let a caller choose what stands in the file')
  if (options['format'] && options['format'] !== 'json') throw refuse('unknown format: audit lines are JSON')
  const changed = Object.fromEntries(
    booleans.flatMap((name) => (options[name] === undefined ? [] : [[name, booleanOf(name, options[name] as string)]])),
  )
  return { ...spec, options: { ...options, ...changed } }
}

function booleanOf(name: string, value: string): string {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return '1'
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return '0'
  throw refuse(`the audit option "${name}" must be true or false`)
}
