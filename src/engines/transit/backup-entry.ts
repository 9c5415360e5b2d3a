import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { certificateChain, chainDer, chainOf } from '../../crypto/certificates.ts'
import { fitsRaw, keyType } from '../../crypto/keys.ts'
import type { KeyTypeName, Material } from '../../crypto/keys.ts'
import {
  ed25519FromPoint,
  ed25519FromSeed,
  ed25519Point,
  ed25519Private,
  fromPrivateDer,
  fromPublicDer,
  privateDer,
  publicDer,
  publicText,
} from '../../crypto/pairs.ts'
import type { PairType } from '../../crypto/pairs.ts'
import { quantumOf, readPrivate, readPublic } from '../../crypto/halves.ts'
import { base64, fromBase64, sameBytes } from '../../util/bytes.ts'
import { rfc3339 } from '../../util/clock.ts'
import { Numeral } from '../../util/json.ts'
import type { Json } from '../../util/json.ts'
import { big, list, object, timeOf, word } from './backup-read.ts'
import { versionOf } from './record.ts'
import type { KeyRecord, KeyVersion, Origin, Random } from './record.ts'
import { bytesOf } from './sealers.ts'

const blank = {
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
  if (!version) return blank
  const { pair } = keyType(key.type)
  return {
    ...blank,
    key: pair ? null : version.material,
    hmac_key: version.mac,
    time: rfc3339(version.createdAt),
    convergent_version: key.convergent ? 3 : 0,
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

/** Go writes these numbers as JSON numbers, whatever their length. */
function numeral(encoded: string | undefined): Numeral {
  return new Numeral(BigInt(`0x${Buffer.from(encoded ?? '', 'base64url').toString('hex') || '0'}`).toString())
}

/**
 * A version of a backup's entry.
 * @throws Fault invalid_request when it is no key of that type.
 */
export function versionFrom(
  entry: Json,
  origin: Origin,
  { type, random }: { readonly type: KeyTypeName; readonly random: Random },
): KeyVersion {
  const macs = fromBase64(String(entry['hmac_key'] ?? ''))
  if (!macs || macs.length === 0) throw refuse('the backup is damaged: a version has no HMAC key')
  const { pair } = keyType(type)
  const material = pair ? pairFrom(entry, pair) : { secret: rawFrom(entry, type) }
  const version = versionOf({ type, origin, macs }, material, random, timeOf(entry['time']))
  return { ...version, ...certificatesFrom(entry['certificate_chain'], version) }
}

function certificatesFrom(chain: unknown, { open }: KeyVersion): Pick<KeyVersion, 'certificates'> {
  if (chain === null || chain === undefined) return {}
  const ders = list(chain, 'certificate_chain').map((der) => bytesOf(word(der, 'a certificate')))
  return ders.length === 0 ? {} : { certificates: certificateChain(chainOf(ders), bytesOf(open ?? '')) }
}

function rawFrom(entry: Json, type: KeyTypeName): Uint8Array {
  const bytes = fromBase64(String(entry['key'] ?? ''))
  if (!bytes || !fitsRaw(type, bytes.length)) {
    throw refuse('the backup is damaged: a version has a key of the wrong size')
  }
  return bytes
}

function pairFrom(entry: Json, pair: PairType): Material {
  try {
    return pair.family === 'quantum' ? quantumFrom(entry, pair) : nativeFrom(readers[pair.family](entry, pair), pair)
  } catch (thrown) {
    throw refuse('the backup is damaged: a version has no usable key pair of its type', { cause: thrown })
  }
}

function nativeFrom(key: KeyObject, pair: PairType): Material {
  if (!pair.fits(key)) throw new Error('another type')
  return { secret: key.type === 'private' ? privateDer(key) : new Uint8Array(), open: publicDer(key) }
}

/** Whether the halves belong together is found out before the key is kept: that takes long. */
function quantumFrom(entry: Json, pair: PairType): Material {
  const open = readPublic(bytesOf(word(entry['public_key'], 'public_key')))
  const secret = entry['key'] === null ? undefined : readPrivate(bytesOf(word(entry['key'], 'key')))
  if (!pair.fits(open) || (secret && !pair.fits(secret))) throw new Error('another type')
  return { secret: secret ? quantumOf(secret).der() : new Uint8Array(), open: quantumOf(open).der() }
}

const readers: Readonly<Record<Exclude<PairType['family'], 'quantum'>, (entry: Json, pair: PairType) => KeyObject>> = {
  ed25519: (entry) => {
    if (entry['key'] === null) return ed25519FromPoint(fromBase64(String(entry['public_key'])) ?? new Uint8Array())
    const raw = fromBase64(String(entry['key'])) ?? new Uint8Array()
    const key = ed25519FromSeed(raw.subarray(0, 32))
    if (!sameBytes(ed25519Point(key), raw.subarray(32))) throw new Error('the halves do not belong together')
    return key
  },
  ec: (entry, { label, fieldBytes }) => {
    const point = {
      kty: 'EC',
      crv: label,
      x: url(big(entry['ec_x'], 'x'), fieldBytes),
      y: url(big(entry['ec_y'], 'y'), fieldBytes),
    }
    const open = createPublicKey({ key: point, format: 'jwk' })
    if (entry['ec_d'] === null) return open
    const secret = createPrivateKey({ key: { ...point, d: url(big(entry['ec_d'], 'd'), fieldBytes) }, format: 'jwk' })
    return together(secret, open)
  },
  rsa: (entry) => {
    if (entry['rsa_key'] === null) {
      const half = object(entry['rsa_public_key'], 'rsa_public_key')
      const key = { kty: 'RSA', n: url(big(half['N'], 'N')), e: url(big(half['E'], 'E')) }
      return createPublicKey({ key, format: 'jwk' })
    }
    const { N, E, D, Primes } = object(entry['rsa_key'], 'rsa_key')
    const [p, q] = list(Primes, 'Primes').map((prime) => big(prime, 'a prime'))
    return rsaFrom({ n: big(N, 'N'), e: big(E, 'E'), d: big(D, 'D'), p: p ?? 0n, q: q ?? 0n })
  },
}

/** RFC 8017 §3.2: the numbers that follow from the primes are computed here, never trusted. */
function rsaFrom({ n, e, d, p, q }: Readonly<Record<'n' | 'e' | 'd' | 'p' | 'q', bigint>>): KeyObject {
  if (p * q !== n || (e * d) % (p - 1n) !== 1n || (e * d) % (q - 1n) !== 1n) throw new Error('no RSA key')
  const [dp, dq, qi] = [d % (p - 1n), d % (q - 1n), inverse(q, p)]
  const key = {
    kty: 'RSA',
    n: url(n),
    e: url(e),
    d: url(d),
    p: url(p),
    q: url(q),
    dp: url(dp),
    dq: url(dq),
    qi: url(qi),
  }
  return createPrivateKey({ key, format: 'jwk' })
}

/** The inverse modulo a prime, by the extended Euclidean algorithm. */
function inverse(value: bigint, prime: bigint): bigint {
  let [high, low, before, now] = [prime, value % prime, 0n, 1n]
  while (low > 0n) {
    const times = high / low
    ;[high, low] = [low, high - times * low]
    ;[before, now] = [now, before - times * now]
  }
  return before < 0n ? before + prime : before
}

function together(secret: KeyObject, open: KeyObject): KeyObject {
  const probe = new Uint8Array(32)
  if (!verify('sha256', probe, open, sign('sha256', probe, secret)))
    throw new Error('the halves do not belong together')
  return secret
}

/** Big-endian bytes in base64url, at least `size` of them. */
function url(value: bigint, size = 0): string {
  const digits = value.toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  return Buffer.from(even.padStart(size * 2, '0'), 'hex').toString('base64url')
}
