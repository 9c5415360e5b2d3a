import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { View } from '../../contract/view.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import type { RangedKey } from './checkpoint-file.ts'
import { rangedKeyLine, vkeyFileOf } from './checkpoint-file.ts'
import type { NoteSigner } from './note-keys.ts'
import type { VerifierKey } from './verifier-key.ts'
import { ed25519Signer, mlDsa44Signer } from './note-keys.ts'
import { readVkey, vkeyText } from './verifier-key.ts'
import {
  hasMembers,
  isBase64,
  isCount,
  isListOf,
  isName,
  isOneOf,
  isText,
  orAbsent,
  shapeOf,
} from '../../util/stored/shape.ts'

interface PastKey {
  readonly vkey: string
  readonly from: number
  readonly to: number
}

/** A log's signing keys as they are stored; the secret ones never leave the barrier. */
export interface SigningRecord {
  readonly format: 1
  readonly origin: string
  /** Size of the first checkpoint that the present keys sign. */
  readonly from: number
  /** PKCS#8, base64. */
  readonly ed25519: string
  /** The 32-byte seed, base64. */
  readonly mlDsa44?: string
  readonly past: readonly PastKey[]
  /** The checkpoint that old and new keys signed, until it is in the file. */
  readonly unpublished?: string
}

/** The shape of that record. */
export const signingShape = shapeOf<SigningRecord>('signing keys of an audit log', {
  format: isOneOf(1),
  origin: isName,
  from: isCount,
  ed25519: isBase64,
  mlDsa44: orAbsent(isBase64),
  past: isListOf((key) => hasMembers<PastKey>(key, { vkey: isName, from: isCount, to: isCount })),
  unpublished: orAbsent(isText),
})

/** Generates the signing keys of a log. */
export function freshSigning(
  origin: string,
  from: number,
  past: readonly PastKey[],
  parts: { readonly mlDsa: boolean; readonly random: (bytes: number) => Uint8Array },
): SigningRecord {
  const { privateKey } = generateKeyPairSync('ed25519')
  const ed25519 = base64(privateKey.export({ type: 'pkcs8', format: 'der' }))
  return { format: 1, origin, from, ed25519, ...(parts.mlDsa && { mlDsa44: base64(parts.random(32)) }), past }
}

/** The signers of a record, the usual one first. */
export function signersIn(record: SigningRecord, now: () => number): readonly NoteSigner[] {
  const { origin, ed25519, mlDsa44 } = record
  const der = Buffer.from(ed25519, 'base64')
  const usual = ed25519Signer(origin, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  der.fill(0)
  const seed = mlDsa44 === undefined ? undefined : fromBase64(mlDsa44)
  return seed ? [usual, mlDsa44Signer(origin, seed, now)] : [usual]
}

/** All public keys of a log, with the sizes that each may sign. */
export function rangedKeys(record: SigningRecord, signers: readonly NoteSigner[]): readonly RangedKey[] {
  const past = record.past.flatMap(({ vkey, from, to }) => {
    const key = readVkey(vkey)
    return key ? [{ key, from, to }] : []
  })
  return [...past, ...signers.map(({ key }) => ({ key, from: record.from }))]
}

/** The present keys as past ones: they sign up to the checkpoint of `size`, which the next keys sign too. */
export function retired(record: SigningRecord, signers: readonly NoteSigner[], size: number): readonly PastKey[] {
  return [...record.past, ...signers.map(({ key }) => ({ vkey: vkeyText(key), from: record.from, to: size + 1 }))]
}

/** The name of the record of a device. */
export const signingName = (device: string): string => `signing/${encodeURIComponent(device)}`

/** The public keys of a device's stored log, or none. */
export async function verifierKeys(view: View, device: string, now: () => number): Promise<readonly VerifierKey[]> {
  const record = await view.get(signingName(device), signingShape)
  return record ? rangedKeys(record, signersIn(record, now)).map(({ key }) => key) : []
}

/** Adds a log's keys to the key file beside it; those of other logs stay. */
export function publishKeys(livePath: string, keys: readonly RangedKey[]): void {
  const path = vkeyFileOf(livePath)
  const mine = new Set(keys.map(({ key }) => key.name))
  const lines = storedLines(path).filter((line) => !mine.has(readVkey(line.split(' ')[2] ?? '')?.name ?? ''))
  const head =
    '# Public keys of the audit logs beside this file: from, to, vkey. Keep a copy where nobody here can write.\n'
  const text = head + lines.map((line) => `${line}\n`).join('') + keys.map(rangedKeyLine).join('')
  rmSync(`${path}.tmp`, { force: true })
  // A reader of the log may read its keys.
  writeFileSync(`${path}.tmp`, text, { mode: statSync(livePath).mode & 0o777, flag: 'wx', flush: true })
  renameSync(`${path}.tmp`, path)
}

/** The lines of an existing file. A file that cannot be read must not be overwritten: it has keys of other logs. */
function storedLines(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw thrown
  }
}
