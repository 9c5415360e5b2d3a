import { createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { native } from '../../crypto/keys/pair-key.ts'
import { heavy } from '../../crypto/workers/heavy.ts'
import { wrapKey } from '../../crypto/ciphers/key-wrap.ts'
import type { OaepHash } from '../../crypto/ciphers/key-wrap.ts'
import { fitsRaw, keyType } from '../../crypto/keys/key-types.ts'
import type { KeyTypeName, Material } from '../../crypto/keys/key-types.ts'
import { namedCurve, privateDer, publicDer } from '../../crypto/keys/pairs.ts'
import { pemBlocks } from '../../crypto/encoding/pem.ts'
import { quantumPublic } from '../../crypto/keys/post-quantum-keys.ts'
import { wipe } from '../../util/bytes.ts'
import type { LiveKey } from '../live-key.ts'
import { versionOf } from '../record.ts'
import type { KeyRecord, KeyVersion, Random } from '../record.ts'
import { quantumPair } from './post-quantum-import.ts'
import { bytesOf } from './ciphers.ts'

/** The material of an import: a wrapped key, or only a public key (PEM). The first takes precedence if both are given. */
export interface ImportSource {
  readonly wrapped: Uint8Array | undefined
  readonly publicKey: string
  /** The hash function of the OAEP that wraps it. */
  readonly hash: OaepHash
}

/** The error for a derived key with only a public key. */
export const needsPrivate = 'keys can be derived only from a private key: the import has only a public key'

/**
 * The material of an import. The wrapping key is requested only if there is something to unwrap: its generation takes seconds.
 * @throws Fault invalid_request if it is not a key of this type, wrapped for this mount.
 */
export async function imported(
  type: KeyTypeName,
  { wrapped, publicKey, hash }: ImportSource,
  wrappingKey: () => Promise<KeyObject>,
): Promise<Material> {
  if (!wrapped) return publicMaterial(type, publicKey)
  const bytes = await heavy.run('unwrapKey', { key: await wrappingKey(), wrapped, hash })
  if (!bytes)
    throw refuse('the key could not be unwrapped: is it wrapped with this mount’s wrapping key and this hash?')
  const { pair } = keyType(type)
  if (pair?.family === 'quantum') return quantumPair(pair, bytes)
  if (pair) return privateMaterial(type, bytes)
  if (!fitsRaw(type, bytes.length)) {
    throw refuse(`the imported key has ${bytes.length} bytes, which is no size of ${type}`)
  }
  return { secretKey: bytes }
}

async function privateMaterial(type: KeyTypeName, der: Uint8Array): Promise<Material> {
  const key = await heavy.run('readPkcs8', der)
  wipe(der)
  if (!key || !keyType(type).pair?.fits(key)) {
    throw refuse(`the imported key is no PKCS#8 of type ${type}, or its parts contradict each other`)
  }
  return { secretKey: privateDer(key), publicKey: publicDer(key) }
}

function publicMaterial(type: KeyTypeName, pem: string): Material {
  const { pair } = keyType(type)
  if (pem === '') throw refuse('an import needs a ciphertext, or a public_key')
  if (!pair) throw refuse(`keys of type ${type} have no public key that could be imported`)
  const refused = `the public_key is no PEM of type ${type}`
  if (pem.includes('PRIVATE KEY')) throw refuse(refused)
  if (pair.family === 'quantum') {
    const [der] = pemBlocks(pem, 'PUBLIC KEY') ?? []
    const key = der && parsed(() => quantumPublic(der))
    if (!key || !pair.fits(key)) throw refuse(refused)
    return { secretKey: new Uint8Array(), publicKey: key.der() }
  }
  const key = parsed(() => createPublicKey(pem))
  if (!key || !pair.fits(key)) throw refuse(refused)
  return { secretKey: new Uint8Array(), publicKey: publicDer(namedCurve(key)) }
}

function parsed<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/**
 * A key with imported material: a version that lacked its private key gets it, otherwise a new version is added.
 * @throws Fault invalid_request if the material is not that of the requested version.
 */
export function withImport(key: KeyRecord, version: KeyVersion, wanted: number | undefined): KeyRecord {
  if (key.origin !== 'imported') throw refuse('versions can be imported only for keys that were imported themselves')
  if (key.kdf !== null && version.material === '') throw refuse(needsPrivate)
  if (wanted !== undefined) return completed(key, version, wanted)
  const incomplete = Object.entries(key.versions).find(([, existing]) => lacks(existing, version))
  return incomplete ? completed(key, version, Number(incomplete[0])) : added(key, version)
}

function lacks(existing: KeyVersion, version: KeyVersion): boolean {
  return existing.material === '' && version.material !== '' && existing.open === version.open
}

function completed(key: KeyRecord, version: KeyVersion, number: number): KeyRecord {
  const existing = key.versions[number]
  if (!existing || !lacks(existing, version)) {
    throw refuse(`version ${number} does not exist, is complete already, or has another public key`)
  }
  return { ...key, versions: { ...key.versions, [number]: { ...existing, material: version.material } } }
}

function added(key: KeyRecord, version: KeyVersion): KeyRecord {
  const latest = key.latest + 1
  return { ...key, latest, versions: { ...key.versions, [latest]: version } }
}

/** An imported version. */
export function importedVersion(type: KeyTypeName, material: Material, random: Random, now: number): KeyVersion {
  return versionOf({ type, origin: 'imported' }, material, random, now)
}

/** Wraps versions of a key for the owner of an RSA key. @throws Fault invalid_request for keys that cannot do that. */
export function wrapperFor(
  to: LiveKey,
  key: KeyRecord,
  { hash, random }: { readonly hash: OaepHash; readonly random: Random },
): (version: KeyVersion) => Uint8Array {
  if (keyType(to.record.type).pair?.family !== 'rsa') throw refuse('the destination must be an RSA key')
  if (!key.exportable) throw refuse('key is not exportable')
  const publicKey = native(to.pair(to.record.latest, undefined).publicKey)
  return ({ material }) => {
    if (material === '') throw refuse('a version has no private key: only its public key was imported')
    const bytes = bytesOf(material)
    const wrapped = wrapKey(publicKey, bytes, hash, random)
    wipe(bytes)
    return wrapped
  }
}
