import { createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { oid, sequence, set, time, tlv } from './certificate.ts'

/** An extension: the hex of its OID, its value, whether it is critical. */
export interface TestExtension {
  readonly id: string
  readonly value: Buffer
  readonly critical?: boolean
}

/** A certificate to make. Without an issuer, it signs itself. */
export interface Wanted {
  readonly commonName?: string
  readonly units?: readonly string[]
  readonly issuer?: Issued
  readonly isAuthority?: boolean
  readonly pathLength?: number
  /** Seconds from now. */
  readonly begins?: number
  readonly ends?: number
  readonly serial?: Buffer
  readonly hash?: 'sha256' | 'sha1'
  /** The hex of the OIDs of its extended key usage. */
  readonly usages?: readonly string[]
  readonly dns?: readonly string[]
  readonly email?: readonly string[]
  readonly uri?: readonly string[]
  readonly extensions?: readonly TestExtension[]
  /** The key of another certificate. */
  readonly key?: KeyObject
}

/** A certificate with its key, and the DER of its subject. */
export interface Issued {
  readonly cert: string
  readonly key: string
  readonly privateKey: KeyObject
  readonly subject: Buffer
  readonly serial: Buffer
}

/** Usages of TLS. */
export const usage = { client: '2b06010505070302', server: '2b06010505070301' } as const

const text = (value: string): Buffer => tlv(0x0c, Buffer.from(value))
const octets = (value: Buffer): Buffer => tlv(0x04, value)
const yes = tlv(0x01, Buffer.from([0xff]))
const algorithms = { sha256: '2a8648ce3d040302', sha1: '2a8648ce3d0401' } as const

/** Makes a certificate (X.509 v3, ECDSA; on P-256 unless a key is given). */
export function issue(wanted: Wanted = {}): Issued {
  const privateKey = wanted.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const serial = wanted.serial ?? Buffer.concat([Buffer.from([1]), randomBytes(8)])
  const subject = sequence(
    ...(wanted.commonName === undefined ? [] : [set(sequence(oid('550403'), text(wanted.commonName)))]),
    ...(wanted.units ?? []).map((unit) => set(sequence(oid('55040b'), text(unit)))),
  )
  const algorithm = sequence(oid(algorithms[wanted.hash ?? 'sha256']))
  const signer = wanted.issuer?.privateKey ?? privateKey
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, serial),
    algorithm,
    wanted.issuer?.subject ?? subject,
    sequence(time(wanted.begins ?? -3600), time(wanted.ends ?? 3600)),
    subject,
    publicDer(privateKey),
    tlv(0xa3, sequence(...extensionsOf(wanted).map(extension))),
  )
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign(wanted.hash ?? 'sha256', body, signer)]))
  const base64 = sequence(body, algorithm, signature).toString('base64')
  const cert = `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string, privateKey, subject, serial }
}

const publicDer = (privateKey: KeyObject): Buffer => createPublicKey(privateKey).export({ type: 'spki', format: 'der' })

function extensionsOf(wanted: Wanted): readonly TestExtension[] {
  const { isAuthority = false, pathLength, usages, dns = [], email = [], uri = [], extensions = [] } = wanted
  const names = [
    ...email.map((name) => tlv(0x81, Buffer.from(name))),
    ...dns.map((name) => tlv(0x82, Buffer.from(name))),
    ...uri.map((name) => tlv(0x86, Buffer.from(name))),
  ]
  const length = pathLength === undefined ? [] : [tlv(0x02, Buffer.from([pathLength]))]
  return [
    ...(isAuthority ? [{ id: '551d13', value: sequence(yes, ...length), critical: true }] : []),
    ...(usages ? [{ id: '551d25', value: sequence(...usages.map(oid)) }] : []),
    ...(names.length > 0 ? [{ id: '551d11', value: sequence(...names) }] : []),
    // A certificate has one extension at least.
    { id: '551d0e', value: octets(Buffer.from('0a1b', 'hex')) },
    ...extensions,
  ]
}

const extension = ({ id, value, critical }: TestExtension): Buffer =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(value))

/** The DER in a PEM. */
export const pemDer = (pem: string): Buffer => Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')

/** The addresses of OCSP servers (authority information access, RFC 5280 §4.2.2.1). */
export const ocspServers = (...urls: readonly string[]): TestExtension => ({
  id: '2b06010505070101',
  value: sequence(...urls.map((url) => sequence(oid('2b06010505073001'), general.uri(url)))),
})

/** Name constraints (RFC 5280 §4.2.1.10), of DER GeneralNames. */
export function nameConstraints(permitted: readonly Buffer[], excluded: readonly Buffer[] = []): TestExtension {
  const trees = (tag: number, names: readonly Buffer[]): readonly Buffer[] =>
    names.length === 0 ? [] : [tlv(tag, Buffer.concat(names.map((name) => sequence(name))))]
  return { id: '551d1e', value: sequence(...trees(0xa0, permitted), ...trees(0xa1, excluded)), critical: true }
}

/** Names as GeneralName. */
export const general = {
  email: (name: string): Buffer => tlv(0x81, Buffer.from(name)),
  dns: (name: string): Buffer => tlv(0x82, Buffer.from(name)),
  uri: (name: string): Buffer => tlv(0x86, Buffer.from(name)),
  directory: (name: string): Buffer => tlv(0xa4, sequence(set(sequence(oid('550403'), text(name))))),
  ip: (bytes: readonly number[]): Buffer => tlv(0x87, Buffer.from(bytes)),
}

/** A revocation list (RFC 5280 §5), PEM. @param ends seconds from now */
export function revocationList(
  issuer: Issued,
  serials: readonly Buffer[],
  ends = 3600,
  { begins = -7200, isDelta = false, signer = issuer, isEndless = false, scope = '' } = {},
): string {
  const algorithm = sequence(oid(algorithms.sha256))
  const list = serials.map((serial) => sequence(tlv(0x02, serial), time(-60)))
  const body = sequence(
    tlv(0x02, Buffer.from([1])),
    algorithm,
    issuer.subject,
    time(begins),
    ...(isEndless ? [] : [time(ends)]),
    ...(list.length > 0 ? [sequence(...list)] : []),
    ...(isDelta ? [tlv(0xa0, sequence(extension({ id: '551d1b', value: tlv(0x02, Buffer.from([1])), critical: true })))] : []), // prettier-ignore
    ...(scope === '' ? [] : [tlv(0xa0, sequence(extension({ id: '551d1c', value: Buffer.from(scope, 'hex'), critical: true })))]), // prettier-ignore
  )
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, signer.privateKey)]))
  const base64 = sequence(body, algorithm, signature).toString('base64')
  return `-----BEGIN X509 CRL-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END X509 CRL-----\n`
}
