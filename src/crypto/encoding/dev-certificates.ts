import { generateKeyPairSync, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isIP } from 'node:net'
import { concat, utf8 } from '../../util/bytes.ts'
import { derValue, tags } from './der.ts'
import { publicDer } from '../keys/pairs.ts'
import { pem } from './pem.ts'

/** A certificate of a server with its private key, and the authority that issued it; all PEM. */
export interface DevCertificates {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Tags of DER that only certificates need; the last three are `[2]` and `[7]` of a GeneralName, and `[3]`. */
const more = { boolean: 0x01, utf8: 0x0c, utcTime: 0x17, set: 0x31, dns: 0x82, ip: 0x87, extensions: 0xa3 } as const

const day = 24 * 3600 * 1000
const lifetime = 365 * day
/** Clocks of other machines may be slow. */
const lead = day

const sequence = (...parts: readonly Uint8Array[]): Uint8Array => derValue(tags.sequence, ...parts)
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex')
const oid = (hex: string): Uint8Array => derValue(tags.oid, bytes(hex))
/** RFC 5758 §3.2: ecdsa-with-SHA256. */
const ecdsa = sequence(oid('2a8648ce3d040302'))

/**
 * A certificate for a development server (X.509 v3, RFC 5280, ECDSA on P-256) under an authority of its own, whose private
 * key is forgotten at once: it can issue nothing else. Both end after a year.
 * @param names DNS names and IP addresses of the server, valid by `isServerName`
 * @param now milliseconds since the epoch
 */
export function devCertificates(
  names: readonly string[],
  now: number,
  random: (bytes: number) => Uint8Array,
): DevCertificates {
  const [authority, server] = [newKey(), newKey()]
  const [authorityId, serverId] = [random(20), random(20)]
  const period = sequence(utcTime(now - lead), utcTime(now + lifetime))
  const issuer = nameOf('strongroom development CA')
  const issue = (subject: Uint8Array, key: KeyObject, extensions: readonly Uint8Array[]): string => {
    const version = derValue(tags.values0, derValue(tags.integer, bytes('02')))
    // RFC 5280 §4.1.2.2: positive, and at most 20 bytes.
    const serial = derValue(tags.integer, bytes('01'), random(15))
    const publicKey = publicDer(key)
    const body = sequence(
      version,
      serial,
      ecdsa,
      issuer,
      period,
      subject,
      publicKey,
      derValue(more.extensions, sequence(...extensions)),
    )
    return pem('CERTIFICATE', sequence(body, ecdsa, bits(sign('sha256', body, authority))))
  }
  return {
    ca: issue(issuer, authority, [constraints(true), usage(keyUsages.authority), keyId(authorityId)]),
    cert: issue(nameOf('strongroom development server'), server, [
      constraints(false),
      usage(keyUsages.server),
      serverAuth,
      keyId(serverId),
      issuerId(authorityId),
      alternativeNames(names),
    ]),
    key: server.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** Whether a certificate can be for this name: an IP address, or a DNS name (RFC 1123), which may begin with `*.`. */
export function isServerName(name: string): boolean {
  if (isIP(name) !== 0) return !name.includes('%')
  return (
    name.length <= 253 &&
    /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?$/i.test(name)
  )
}

const newKey = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const bits = (content: Uint8Array): Uint8Array => derValue(tags.bitString, Uint8Array.of(0), content)

/** A Name of a common name alone. */
function nameOf(common: string): Uint8Array {
  return sequence(derValue(more.set, sequence(oid('550403'), derValue(more.utf8, utf8(common)))))
}

/** RFC 5280 §4.1.2.5: UTCTime, for years until 2049. */
function utcTime(ms: number): Uint8Array {
  const text = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return derValue(more.utcTime, utf8(text.slice(2)))
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  const flag = critical ? [derValue(more.boolean, bytes('ff'))] : []
  return sequence(oid(id), ...flag, derValue(tags.octetString, value))
}

const constraints = (ca: boolean): Uint8Array =>
  extension('551d13', sequence(...(ca ? [derValue(more.boolean, bytes('ff'))] : [])), true)

/** Bit strings of RFC 5280 §4.2.1.3: keyCertSign with cRLSign, and digitalSignature. */
const keyUsages = { authority: '0106', server: '0780' } as const
const usage = (of: string): Uint8Array => extension('551d0f', derValue(tags.bitString, bytes(of)), true)
const serverAuth = extension('551d25', sequence(oid('2b06010505070301')))
const keyId = (id: Uint8Array): Uint8Array => extension('551d0e', derValue(tags.octetString, id))
const issuerId = (id: Uint8Array): Uint8Array => extension('551d23', sequence(derValue(tags.bytes0, id)))

function alternativeNames(names: readonly string[]): Uint8Array {
  const parts = names.map((name) =>
    isIP(name) === 0 ? derValue(more.dns, utf8(name)) : derValue(more.ip, addressBytes(name)),
  )
  return extension('551d11', sequence(...parts))
}

/** An IP address in network order. */
function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.').map(Number))
  // The form of URLs (RFC 5952, without dots) leaves one run of zeros out.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [before, after] = [head, tail ?? ''].map(groups) as [Uint8Array, Uint8Array]
  return concat(before, new Uint8Array(16 - before.length - after.length), after)
}

function groups(text: string): Uint8Array {
  const numbers = text === '' ? [] : text.split(':')
  return bytes(numbers.map((group) => group.padStart(4, '0')).join(''))
}
