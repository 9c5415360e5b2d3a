import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './folder.ts'

/** A self-signed certificate and its key, in PEM. It is its own authority. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** The content of a certificate. */
export interface Subject {
  /** Its DNS name. */
  readonly name?: string
  /** IPv4 addresses it is for. */
  readonly addresses?: readonly string[]
  /** Seconds from now until it ends; negative for one that has ended. */
  readonly ends?: number
}

/** Makes a certificate (X.509 v3, ECDSA on P-256; RFC 5280), so that no test needs a program or a key in the tree. */
export function certificate({ name = 'localhost', addresses = ['127.0.0.1'], ends = 3600 }: Subject = {}): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsa = sequence(oid('2a8648ce3d040302'))
  const who = sequence(set(sequence(oid('550403'), tlv(0x0c, Buffer.from(name)))))
  const names = [
    tlv(0x82, Buffer.from(name)),
    ...addresses.map((ip) => tlv(0x87, Buffer.from(ip.split('.').map(Number)))),
  ]
  const extensions = sequence(
    sequence(oid('551d13'), tlv(0x01, Buffer.from([0xff])), tlv(0x04, sequence(tlv(0x01, Buffer.from([0xff]))))),
    sequence(oid('551d11'), tlv(0x04, sequence(...names))),
  )
  const body = sequence(
    tlv(0xa0, tlv(0x02, Buffer.from([2]))),
    tlv(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsa,
    who,
    sequence(time(-7200), time(ends)),
    who,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, extensions),
  )
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]))
  const base64 = sequence(body, ecdsa, signature).toString('base64')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

/** The same in files, as a configuration and `-ca-cert` name them. */
export function certificateFiles(subject: Subject = {}, folder = temporaryFolder()): Certificate {
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const made = certificate(subject)
  writeFileSync(files.cert, made.cert)
  writeFileSync(files.key, made.key, { mode: 0o600 })
  return files
}

/** One value of DER: tag, length, content. */
export function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content
  const digits = length.toString(16)
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
  const size = length < 128 ? [length] : [0x80 | bytes.length, ...bytes]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

/** SEQUENCE. */
export const sequence = (...parts: readonly Buffer[]): Buffer => tlv(0x30, Buffer.concat(parts))
/** SET. */
export const set = (...parts: readonly Buffer[]): Buffer => tlv(0x31, Buffer.concat(parts))
/** OBJECT IDENTIFIER, of its hex. */
export const oid = (hex: string): Buffer => tlv(0x06, Buffer.from(hex, 'hex'))

/** GeneralizedTime, the given number of seconds from now. */
export function time(seconds: number): Buffer {
  const text = new Date(Date.now() + seconds * 1000).toISOString().replace(/[-:T]|\.\d+/g, '')
  return tlv(0x18, Buffer.from(text))
}
