import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { posix } from 'node:path'
import type { ConnectionOptions } from 'node:tls'
import { refuse } from '../../contract/fault.ts'
import type { DeviceOptions } from './options.ts'

/**
 * `tls_ca_file`, `tls_cert_file`, `tls_key_file`, `tls_server_name` of devices that use TLS. The receiver is always
 * verified; no option disables this. Files are named by the configuration only, and read at once.
 * @throws Fault on files that cannot be read.
 */
export function tlsOptions(options: DeviceOptions): ConnectionOptions {
  if (options.bool('tls_skip_verify') === true)
    throw refuse('tls_skip_verify is not offered: give the authority of the receiver with tls_ca_file')
  const ca = fileOf(options, 'tls_ca_file')
  const cert = fileOf(options, 'tls_cert_file')
  const key = fileOf(options, 'tls_key_file')
  if ((cert === undefined) !== (key === undefined)) throw refuse('tls_cert_file and tls_key_file go together')
  const servername = options.text('tls_server_name')
  if (servername !== undefined && isIP(servername) !== 0) throw refuse('tls_server_name is a name, not an address')
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(ca && { ca }),
    ...(cert && { cert, key }),
    ...(servername !== undefined && { servername }),
  }
}

function fileOf(options: DeviceOptions, name: string): Buffer | undefined {
  const path = options.text(name)
  if (path === undefined) return undefined
  onlyDeclared(options, name)
  return fileAt(path, name)
}

/** The content of a file that an option names. @throws Fault without the path. */
export function fileAt(path: string, name: string): Buffer {
  if (!posix.isAbsolute(path)) throw refuse(`the file of the audit option "${name}" must have an absolute path`)
  try {
    return readFileSync(path)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'not usable'
    throw refuse(`the file of the audit option "${name}" cannot be read (${code})`, { cause })
  }
}

/** Options that read files or variables of the server are no option for callers of the API. @throws Fault */
export function onlyDeclared(options: DeviceOptions, name: string): void {
  if (!options.declared)
    throw refuse(`the audit option "${name}" reads from the server's machine: declare the device in the configuration`)
}
