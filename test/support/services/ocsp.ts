import { createHash, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { derInside } from '../../../src/crypto/encoding/der.ts'
import { oid, sequence, time, tlv } from '../certificate.ts'
import { pemDer } from '../pki.ts'
import type { Issued } from '../pki.ts'

/** The usage that lets a certificate sign responses, the hex of its OID. */
export const ocspSigning = '2b06010505070309'

/** A response to make. */
export interface OcspAnswer {
  /** Whose certificate it is about. */
  readonly issuer: Issued
  readonly serial: Buffer
  readonly status?: 'good' | 'revoked' | 'unknown'
  /** The signer; the issuer if left out. */
  readonly signer?: Issued
  /** Sent with it. */
  readonly certificates?: readonly Issued[]
  /** Whom it names as its signer, by the key; else by the name. */
  readonly byKey?: boolean
  readonly named?: Issued
  readonly hash?: 'sha256' | 'sha1'
  /** Seconds from now. */
  readonly thisUpdate?: number
  readonly nextUpdate?: number | undefined
  readonly nonce?: Buffer | undefined
  /** How often it has the status. */
  readonly times?: number
  readonly critical?: boolean
}

const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest()
const octets = (value: Buffer): Buffer => tlv(0x04, value)

/** The content of the public key of a certificate, without the count of unused bits. */
function keyBits({ cert }: Issued): Uint8Array {
  const [body] = derInside(pemDer(cert))
  const info = derInside(body?.whole ?? Buffer.alloc(0))[6]
  return derInside(info?.whole ?? Buffer.alloc(0))[1]?.content.subarray(1) ?? Buffer.alloc(0)
}

/** The status of the certificate in a response. */
function singleStatus({ issuer, serial, status = 'good', thisUpdate = -60, ...answer }: OcspAnswer): Buffer {
  const nextUpdate = 'nextUpdate' in answer ? answer.nextUpdate : 3600
  const id = sequence(
    sequence(oid('2b0e03021a'), tlv(0x05, Buffer.alloc(0))),
    octets(sha1(issuer.subject)),
    octets(sha1(keyBits(issuer))),
    tlv(0x02, serial),
  )
  const is = { good: tlv(0x80, Buffer.alloc(0)), revoked: tlv(0xa1, time(-600)), unknown: tlv(0x82, Buffer.alloc(0)) }
  const until = nextUpdate === undefined ? [] : [tlv(0xa0, time(nextUpdate))]
  return sequence(id, is[status], time(thisUpdate), ...until)
}

/** The extensions of a response, if it has any. */
function extensions({ nonce, critical = false }: OcspAnswer): readonly Buffer[] {
  const yes = tlv(0x01, Buffer.from([0xff]))
  const all = [
    ...(nonce ? [sequence(oid('2b0601050507300102'), octets(octets(nonce)))] : []),
    ...(critical ? [sequence(oid('2a030405'), yes, octets(octets(Buffer.from('x'))))] : []),
  ]
  return all.length > 0 ? [tlv(0xa1, sequence(...all))] : []
}

/** An OCSP response (RFC 6960 §4.2.1), DER. */
export function ocspResponse(answer: OcspAnswer): Buffer {
  const { issuer, signer = issuer, certificates = [], byKey = false, times = 1 } = answer
  const { named = signer, hash = 'sha256' } = answer
  const data = sequence(
    byKey ? tlv(0xa2, octets(sha1(keyBits(named)))) : tlv(0xa1, named.subject),
    time(-60),
    sequence(...Array.from({ length: times }, () => singleStatus(answer))),
    ...extensions(answer),
  )
  const algorithm = sequence(oid(hash === 'sha256' ? '2a8648ce3d040302' : '2a8648ce3d0401'))
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign(hash, data, signer.privateKey)]))
  const sent = certificates.map(({ cert }) => pemDer(cert))
  return wrapped(0, sequence(data, algorithm, signature, ...(sent.length > 0 ? [tlv(0xa0, sequence(...sent))] : [])))
}

/** OCSPResponse: a status, and its content. */
export const wrapped = (status: number, basic?: Buffer): Buffer =>
  sequence(
    tlv(0x0a, Buffer.from([status])),
    ...(basic ? [tlv(0xa0, sequence(oid('2b0601050507300101'), octets(basic)))] : []),
  )

/** The nonce of a request. */
export function nonceOf(request: Uint8Array): Buffer {
  const [tbs] = derInside(request)
  const holder = derInside(tbs?.whole ?? request)[1]
  const [extension] = derInside(derInside(holder?.whole ?? request, 0xa2)[0]?.whole ?? request)
  const value = derInside(extension?.whole ?? request)[1]
  return Buffer.from(derInside(value?.whole ?? request, 0x04)[0]?.content ?? [])
}

/** A server that sends the response that a test sets. */
export class OcspServer {
  readonly requests: Buffer[] = []
  /** The response to a request; undefined: none, the connection stays open. */
  answer: (request: Buffer, response: ServerResponse) => Buffer | undefined = () => Buffer.alloc(0)
  readonly #server: Server
  readonly #host: string

  constructor(host = '127.0.0.1') {
    this.#host = host
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, this.#host, resolve))
    return this
  }

  get url(): string {
    return `http://${this.#host}:${(this.#server.address() as AddressInfo).port}/ocsp`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part as Buffer)
    const sent = Buffer.concat(parts)
    this.requests.push(sent)
    const answer = this.answer(sent, response)
    if (answer && !response.writableEnded) response.end(answer)
  }
}
