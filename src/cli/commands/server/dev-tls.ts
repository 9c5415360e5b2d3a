import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { DevCertificates } from '../../../crypto/encoding/dev-certificates.ts'
import { systemClock } from '../../../util/clock.ts'
import { UsageError } from '../../framework/flags.ts'
import type { FlagTable, Flags } from '../../framework/flags.ts'

/** Flags of `server` that are about the certificate of a development server. */
export const devTlsFlags: FlagTable = {
  'dev-tls': { kind: 'bool', about: 'Serve TLS with a new certificate from a new CA.' },
  'dev-tls-cert-dir': {
    kind: 'string',
    about: 'Folder for the CA, certificate and key files (default: a temporary folder). Existing files are replaced.',
  },
  'dev-tls-san': {
    kind: 'strings',
    about: 'An additional DNS name or IP address for the certificate; can be repeated.',
  },
}

/** The files of a development server with TLS. */
export interface DevTls {
  readonly caFile: string
  readonly certFile: string
  readonly keyFile: string
  /** Removes them, unless the user has named their folder. */
  remove(): void
}

const names = { ca: 'vault-ca.pem', cert: 'vault-cert.pem', key: 'vault-key.pem' } as const

/**
 * Creates the files for -dev-tls; undefined without it.
 * @throws UsageError for a flag about TLS without -dev-tls, a name that is none, and a folder that cannot be written
 */
export async function devTls(flags: Flags): Promise<DevTls | undefined> {
  if (!flags.bool('dev-tls')) {
    const without = ['dev-tls-cert-dir', 'dev-tls-san'].find((name) => flags.has(name))
    if (without === undefined) return undefined
    throw new UsageError(`-${without} has no effect without -dev-tls\n  next: give both`)
  }
  // Other servers start without it.
  const { devCertificates, isServerName } = await import('../../../crypto/encoding/dev-certificates.ts')
  const wanted = flags.strings('dev-tls-san')
  const wrong = wanted.find((name) => !isServerName(name))
  if (wrong !== undefined) throw new UsageError(`-dev-tls-san=${wrong} is neither a DNS name nor an IP address`)
  const servers = ['localhost', '127.0.0.1', '::1', ...[hostname()].filter(isServerName), ...wanted]
  return inFiles(
    devCertificates([...new Set(servers)], systemClock.now(), randomBytes),
    flags.string('dev-tls-cert-dir'),
  )
}

/** Writes them to the given folder, or a new one. @throws UsageError on failure */
function inFiles(made: DevCertificates, wanted: string | undefined): DevTls {
  try {
    const folder = wanted === undefined ? mkdtempSync(join(tmpdir(), 'strongroom-tls-')) : folderAt(wanted)
    const file = (kind: keyof typeof names): string => fresh(join(folder, names[kind]), made[kind])
    return {
      caFile: file('ca'),
      certFile: file('cert'),
      keyFile: file('key'),
      remove: () => wanted === undefined && rmSync(folder, { recursive: true, force: true }),
    }
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    throw new UsageError(`the certificate cannot be written in ${wanted ?? tmpdir()} (${String(code)})`)
  }
}

function folderAt(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return resolve(path)
}

/** A new file for its owner only, replacing any file of that name. */
function fresh(path: string, text: string): string {
  rmSync(path, { force: true })
  writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
  return path
}
