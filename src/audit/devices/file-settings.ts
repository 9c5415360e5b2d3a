import type { AuditFileSettings } from '../../contract/audit.ts'
import { refuse } from '../../contract/fault.ts'
import type { DeviceOptions } from './options.ts'

const usualBytes = 256 * 1024 * 1024
const fewestBytes = 64 * 1024
const century = 100 * 366 * 86_400

/**
 * Parses the options for rotation, retention and signatures of `type = "file"`. @throws Fault invalid_request with the option.
 */
export function fileSettings(options: DeviceOptions): AuditFileSettings {
  const bytes = options.text('rotate_bytes')
  return {
    rotateBytes: bytes === 'never' ? undefined : (count('rotate_bytes', bytes, fewestBytes) ?? usualBytes),
    rotateAge: options.duration('rotate_duration', [60, century]),
    compress: options.oneOf('rotate_compress', ['none', 'gzip']) === 'gzip',
    retainFiles: count('retain_files', options.text('retain_files'), 1),
    retainAge: options.duration('retain_duration', [3600, century]),
    mlDsa: options.oneOf('signatures', ['ed25519', 'ed25519,ml-dsa-44']) === 'ed25519,ml-dsa-44',
  }
}

function count(name: string, value: string | undefined, least: number): number | undefined {
  if (value === undefined) return undefined
  const number = /^[0-9]{1,15}$/.test(value) ? Number(value) : NaN
  if (!(number >= least)) throw refuse(`the audit option "${name}" is a whole number of at least ${least}`)
  return number
}
