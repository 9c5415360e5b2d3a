import { createPublicKey, KeyObject } from 'node:crypto'
import type { JsonWebKey } from 'node:crypto'
import { Fault, refuse } from '../../../contract/fault.ts'
import { certificateChain, chainDer, chainOf } from '../../../crypto/encoding/certificates.ts'
import { quantumOf, readPrivate, readPublic } from '../../../crypto/keys/pair-key.ts'
import { heavy } from '../../../crypto/workers/heavy.ts'
import { fitsRaw, keyType } from '../../../crypto/keys/key-types.ts'
import type { KeyTypeName, Material } from '../../../crypto/keys/key-types.ts'
import {
  curves,
  ed25519FromPoint,
  ed25519Point,
  ed25519Private,
  fromPrivateDer,
  fromPublicDer,
  privateDer,
  publicDer,
  publicText,
} from '../../../crypto/keys/pairs.ts'
import type { PairType } from '../../../crypto/keys/pairs.ts'
import { bytesOf as bytesOfNumber, uncompressed } from '../../../crypto/keys/key-parts.ts'
import type { KeyParts } from '../../../crypto/keys/key-parts.ts'
import { base64 } from '../../../util/bytes.ts'
import { rfc3339 } from '../../../util/clock.ts'
import { Numeral } from '../../../util/json.ts'
import type { Json } from '../../../util/json.ts'
import { big, binary, list, object, timeOf, whole } from './backup-read.ts'
import { quantumFits } from '../../../keys/operations/post-quantum-import.ts'
import { versionOf } from '../../../keys/record.ts'
import type { KeyRecord, KeyVersion, Origin, Random } from '../../../keys/record.ts'
import { macKeyBytes } from '../../../keys/rules.ts'
import { bytesOf } from '../../../keys/operations/ciphers.ts'

/** The version of convergent encryption: Vault's third. */
export const thirdScheme = 3

const emptyEntry = {
  key: null,
  hmac_key: null,
  time: '0001-01-01T00:00:00Z',
  ec_x: null,
  ec_y: null,
  ec_d: null,
  rsa_key: null,
  rsa_public_key: null,
  public_key: '',
  convergent_version: 0,
  creation_time: 0,
  certificate_chain: null,
}

/** One version as an entry of a backup; without a version the empty entry that starts an archive. */
export function entryOf(key: KeyRecord, version: KeyVersion | undefined): Json {
  if (!version) return emptyEntry
  const { pair } = keyType(key.type)
  return {
    ...emptyEntry,
    key: pair ? null : version.material,
    hmac_key: version.mac,
    time: rfc3339(version.createdAt),
    convergent_version: key.convergent ? thirdScheme : 0,
    creation_time: Math.floor(version.createdAt / 1000),
    certificate_chain: version.certificates === undefined ? null : chainDer(version.certificates),
    ...(pair && writers[pair.family](version)),
  }
}

const writers: Readonly<Record<PairType['family'], (version: KeyVersion) => Json>> = {
  ed25519: ({ material, open = '' }) => ({
    key: material === '' ? null : base64(ed25519Private(fromPrivateDer(bytesOf(material)))),
    public_key: base64(ed25519Point(fromPublicDer(bytesOf(open)))),
  }),
  ec: ({ material, open = '' }) => {
    const jwk = numbersOf(material, open)
    const name = publicText(fromPublicDer(bytesOf(open)))
    return { ec_x: numeral(jwk.x), ec_y: numeral(jwk.y), ec_d: jwk.d ? numeral(jwk.d) : null, public_key: name }
  },
  rsa: ({ material, open = '' }) => {
    const jwk = numbersOf(material, open)
    const half = { N: numeral(jwk.n), E: numeral(jwk.e) }
    if (!jwk.d) return { rsa_public_key: half }
    const computed = { Dp: numeral(jwk.dp), Dq: numeral(jwk.dq), Qinv: numeral(jwk.qi), CRTValues: [] }
    return {
      rsa_key: { ...half, D: numeral(jwk.d), Primes: [numeral(jwk.p), numeral(jwk.q)], Precomputed: computed },
    }
  },
  quantum: ({ material, open = '' }) => ({ key: material === '' ? null : material, public_key: open }),
}

function numbersOf(material: string, open: string): JsonWebKey {
  const key = material === '' ? fromPublicDer(bytesOf(open)) : fromPrivateDer(bytesOf(material))
  return key.export({ format: 'jwk' })
}

/** Go writes these numbers as JSON numbers of any length. */
function numeral(encoded: string | undefined): Numeral {
  return new Numeral(BigInt(`0x${Buffer.from(encoded ?? '', 'base64url').toString('hex') || '0'}`).toString())
}

/** The facts about a key that are read before its versions. */
interface Parts {
  readonly type: KeyTypeName
  readonly origin: Origin
  readonly random: Random
  readonly derived: boolean
  readonly convergent: boolean
  /** The latest possible creation time of a version, epoch milliseconds. */
  readonly until: number
}

/**
 * A version of a backup's entry. Slow parsing is done on another thread.
 * @throws Fault invalid_request when it is no key of that type.
 */
export async function versionFrom(entry: Json, parts: Parts): Promise<KeyVersion> {
  const { type, origin, random, derived, convergent, until } = parts
  const scheme = whole(entry['convergent_version'] ?? 0, 'convergent_version')
  if (convergent ? scheme !== thirdScheme : ![0, thirdScheme].includes(scheme)) {
    throw refuse('the backup uses another kind of convergent encryption')
  }
  const { pair } = keyType(type)
  const macs = macsFrom(entry, type)
  const material = pair ? await pairFrom(entry, pair) : { secretKey: rawFrom(entry, type) }
  if (derived && material.secretKey.length === 0)
    throw refuse('the backup is damaged: a derived version has no private key')
  const version = versionOf({ type, origin, macs }, material, random, timeFrom(entry, until))
  return { ...version, ...certificatesFrom(entry['certificate_chain'], version, derived) }
}

/** Keys of the oldest servers have only seconds. */
function timeFrom(entry: Json, until: number): number {
  const seconds = whole(entry['creation_time'] ?? 0, 'creation_time')
  if (entry['time'] !== emptyEntry.time) return timeOf(entry['time'], until)
  return timeOf(new Date(Math.max(0, Math.min(seconds * 1000, until + 1))).toISOString(), until)
}

function macsFrom(entry: Json, type: KeyTypeName): Uint8Array {
  const macs = binary(entry['hmac_key'], 'an HMAC key')
  const right = keyType(type).mac === 'hmac' ? entry['hmac_key'] === entry['key'] : macs.length === macKeyBytes
  if (!right) throw refuse('the backup is damaged: a version has an HMAC key that cannot be')
  return macs
}

function certificatesFrom(chain: unknown, { open }: KeyVersion, derived: boolean): Pick<KeyVersion, 'certificates'> {
  if (chain === null || chain === undefined) return {}
  const ders = list(chain, 'certificate_chain').map((der) => binary(der, 'a certificate'))
  if (ders.length === 0) return {}
  if (open === undefined || derived) throw refuse('the backup is damaged: keys like this one have no certificates')
  return { certificates: certificateChain(chainOf(ders), bytesOf(open)) }
}

function rawFrom(entry: Json, type: KeyTypeName): Uint8Array {
  const bytes = binary(entry['key'], 'a key')
  if (!fitsRaw(type, bytes.length)) throw refuse('the backup is damaged: a version has a key of the wrong size')
  return bytes
}

const noPair =
  'the backup is damaged: a version has no usable key pair of its type, or its halves do not belong together'

async function pairFrom(entry: Json, pair: PairType): Promise<Material> {
  let found: Material | undefined
  try {
    found = pair.family === 'quantum' ? await quantumFrom(entry, pair) : await nativeFrom(entry, pair)
  } catch (cause) {
    if (cause instanceof Fault && cause.code !== 'invalid_request') throw cause
    throw refuse(noPair, { cause })
  }
  if (!found) throw refuse(noPair)
  return found
}

async function nativeFrom(entry: Json, pair: PairType): Promise<Material | undefined> {
  const half = readers[pair.family as keyof typeof readers](entry, pair)
  const key = half instanceof KeyObject ? half : await heavy.run('wholeKey', half)
  if (!key || !pair.fits(key)) return undefined
  const stated = entry['public_key'] ?? ''
  if (stated !== '' && stated !== publicText(key)) return undefined
  return { secretKey: key.type === 'private' ? privateDer(key) : new Uint8Array(), publicKey: publicDer(key) }
}

async function quantumFrom(entry: Json, pair: PairType): Promise<Material | undefined> {
  const publicKey = readPublic(binary(entry['public_key'], 'public_key'))
  const privateKey = entry['key'] === null ? undefined : readPrivate(binary(entry['key'], 'key'))
  if (!pair.fits(publicKey) || (privateKey && !pair.fits(privateKey))) return undefined
  if (privateKey && !(await quantumFits(quantumOf(privateKey), quantumOf(publicKey)))) return undefined
  return {
    secretKey: privateKey ? quantumOf(privateKey).der() : new Uint8Array(),
    publicKey: quantumOf(publicKey).der(),
  }
}

/** The components of a private key, or the public key if there is no private key. */
const readers: Readonly<
  Record<Exclude<PairType['family'], 'quantum'>, (entry: Json, pair: PairType) => KeyParts | KeyObject>
> = {
  ed25519: (entry) => {
    if (entry['key'] === null) return ed25519FromPoint(binary(entry['public_key'], 'public_key'))
    const raw = binary(entry['key'], 'key')
    return { family: 'ed25519', seed: raw.subarray(0, 32), point: raw.subarray(32) }
  },
  ec: (entry, { label, fieldBytes }) => {
    const [px, py] = [
      bytesOfNumber(big(entry['ec_x'], 'x'), fieldBytes),
      bytesOfNumber(big(entry['ec_y'], 'y'), fieldBytes),
    ]
    if (entry['ec_d'] === null) {
      const point = { kty: 'EC', crv: label, x: url(px), y: url(py) }
      return createPublicKey({ key: point, format: 'jwk' })
    }
    const d = bytesOfNumber(big(entry['ec_d'], 'd'), fieldBytes)
    return { family: 'ec', curve: curves[label] as string, label, d, point: uncompressed(px, py) }
  },
  rsa: (entry) => {
    if (entry['rsa_key'] === null) {
      const half = object(entry['rsa_public_key'], 'rsa_public_key')
      const [n, e] = [url(bytesOfNumber(big(half['N'], 'N'))), url(bytesOfNumber(big(half['E'], 'E')))]
      return createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' })
    }
    const { N, E, D, Primes } = object(entry['rsa_key'], 'rsa_key')
    const [p = 0n, q = 0n, ...others] = list(Primes, 'Primes').map((prime) => big(prime, 'a prime'))
    if (others.length > 0) throw new Error('more than two primes')
    return { family: 'rsa', n: big(N, 'N'), e: big(E, 'E'), d: big(D, 'D'), p, q }
  },
}

function url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
