import { refuse } from '../../../contract/fault.ts'
import { keyType } from '../../../crypto/keys/key-types.ts'
import type { KeyUse } from '../../../crypto/keys/key-types.ts'
import { mustBeExportable } from '../../../keys/settings.ts'
import { usableVersions } from '../../../keys/record.ts'
import type { KeyRecord, KeyVersion } from '../../../keys/record.ts'
import { exportFormats, exportPrivate, exportPublic, exportRaw } from '../../../keys/operations/export-formats.ts'

/** The export format of one version; an empty string if there is nothing to export. */
type Writer = (version: KeyVersion, format: string) => string

/** The kinds of export, by Vault's names. */
const kinds: Readonly<Record<string, (key: KeyRecord) => Writer>> = {
  'encryption-key': (key) => {
    mustUse(key, ['encrypt', 'decapsulate'], 'encryption-key')
    return keyType(key.type).pair ? exportPrivate : rawOf('material')
  },
  'signing-key': (key) => {
    mustUse(key, ['sign'], 'signing-key')
    return exportPrivate
  },
  'hmac-key': () => rawOf('mac'),
  'cmac-key': ({ type }) => {
    if (keyType(type).mac !== 'cmac') throw refuse(`keys of type ${type} have no cmac-key`)
    return rawOf('material')
  },
  'public-key': (key) => {
    if (!keyType(key.type).pair) throw refuse(`keys of type ${key.type} have no public half`)
    // For a derived key pair it would be part of the secret from which seeds are derived.
    if (key.kdf !== null) throw refuse('a derived key has a public key for each context: read the key with a context')
    return exportPublic
  },
  'certificate-chain': ({ type }) => {
    if (!keyType(type).pair) throw refuse(`keys of type ${type} have no certificates`)
    return ({ certificates }) => {
      if (certificates === undefined) throw refuse('a version of this key has no certificate chain: set it first')
      return certificates
    }
  },
}

/** Kinds without private material: they need no exportable key. */
const publicKinds: ReadonlySet<string> = new Set(['public-key', 'certificate-chain'])

/** @throws Fault invalid_request for an unknown kind, or one that this key does not have. */
export function exported(key: KeyRecord, kind: string, format: string, version: string): Record<string, string> {
  const writer = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
  if (!writer) throw refuse(`there is no such kind of key: ${kind}`)
  if (key.state.is === 'soft-deleted') throw refuse('refusing to export a soft-deleted key: restore it first')
  if (!publicKinds.has(kind)) mustBeExportable(key)
  if (!(exportFormats as readonly string[]).includes(format)) throw refuse(`invalid format: ${format}`)
  const write = writer(key)
  return Object.fromEntries(chosen(key, version).map(([number, stored]) => [number, write(stored, format)]))
}

/** The kinds of keys that can be exported. */
export function isKind(kind: string): boolean {
  return Object.hasOwn(kinds, kind)
}

function mustUse(key: KeyRecord, uses: readonly KeyUse[], kind: string): void {
  if (!uses.some((use) => keyType(key.type).uses.includes(use)))
    throw refuse(`keys of type ${key.type} have no ${kind}`)
}

/** `''` selects all versions; otherwise one: `latest`, `3` or `v3`. */
export function chosen(key: KeyRecord, version: string): readonly (readonly [string, KeyVersion])[] {
  if (version === '') return usableVersions(key)
  const digits = version === 'latest' ? String(key.latest) : version.replace(/^v/, '')
  if (!/^[+-]?\d{1,15}$/.test(digits)) throw refuse('invalid key version')
  const number = Number(digits)
  if (number < key.minDecryption) throw refuse(`version ${number} is below the min decryption version of the key`)
  const stored = key.versions[number]
  if (!stored) throw refuse(`version ${number} does not exist or cannot be found`)
  return [[String(number), stored]]
}

function rawOf(part: 'material' | 'mac'): Writer {
  return (version, format) => exportRaw(version[part], format)
}
