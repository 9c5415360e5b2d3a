import { createHash, createHmac } from 'node:crypto'
import { byteOrder } from '../bytes.ts'
import type { Secret } from '../secret.ts'

/** What AWS, or whoever speaks its protocols, knows a caller by. */
export interface AwsCredentials {
  readonly accessKey: string
  readonly secretKey: Secret<string>
  /** Of temporary credentials. */
  readonly sessionToken?: Secret<string>
}

/** A request before it is signed. */
export interface Unsigned {
  readonly method: string
  /** With the path and the query as they are sent. */
  readonly url: string
  /** Every one of them is signed; Host, the date and the session token are added. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal (`sha256Hex`), or `UNSIGNED-PAYLOAD` where S3 allows that. */
  readonly bodyHash: string
}

/** Where and when a signature counts. */
export interface SigningScope {
  readonly region: string
  /** Such as `kms` or `s3`. */
  readonly service: string
  /** Epoch milliseconds. */
  readonly at: number
}

/** The `bodyHash` of a body. */
export const sha256Hex = (body: Uint8Array | string): string => createHash('sha256').update(body).digest('hex')

/**
 * The headers of a request with a signature of AWS, version 4 (AWS4-HMAC-SHA256), in lower case. Host is not among them: who
 * sends the request sets it. With S3, `x-amz-content-sha256` has to be one of the headers given.
 */
export function signedHeaders(
  request: Unsigned,
  credentials: AwsCredentials,
  scope: SigningScope,
): Readonly<Record<string, string>> {
  const time = new Date(scope.at).toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const headers = lowerCase({
    ...request.headers,
    'x-amz-date': time,
    ...(credentials.sessionToken && { 'x-amz-security-token': credentials.sessionToken.reveal() }),
  })
  const signed = [...headers, ['host', new URL(request.url).host] as const].toSorted(([a], [b]) => byteOrder(a, b))
  const names = signed.map(([name]) => name).join(';')
  const place = `${time.slice(0, 8)}/${scope.region}/${scope.service}/aws4_request`
  const canonical = [
    request.method,
    pathOf(request.url, scope.service),
    queryOf(request.url),
    ...signed.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    request.bodyHash,
  ].join('\n')
  const signature = hmac(keyOf(credentials, place), ['AWS4-HMAC-SHA256', time, place, sha256Hex(canonical)].join('\n'))
  const proof = `Credential=${credentials.accessKey}/${place}, SignedHeaders=${names}, Signature=${signature.toString('hex')}`
  return { ...Object.fromEntries(headers), authorization: `AWS4-HMAC-SHA256 ${proof}` }
}

const lowerCase = (headers: Readonly<Record<string, string>>): (readonly [string, string])[] =>
  Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)

const hmac = (key: Uint8Array | string, data: string): Buffer => createHmac('sha256', key).update(data).digest()

/** The key of one day, region and service. */
function keyOf({ secretKey }: AwsCredentials, place: string): Buffer {
  return place.split('/').reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secretKey.reveal()}`))
}

/** Everything but A-Z a-z 0-9 - _ . ~ is encoded, unlike in JavaScript. */
const encoded = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)

/** Every service but S3 encodes the path as it is sent a second time. */
function pathOf(url: string, service: string): string {
  const segments = new URL(url).pathname.split('/')
  return segments.map((segment) => encoded(service === 's3' ? decodeURIComponent(segment) : segment)).join('/')
}

function queryOf(url: string): string {
  const pairs = new URL(url).search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
  return pairs
    .map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [encoded(decodeURIComponent(name)), encoded(decodeURIComponent(value.join('=')))] as const
    })
    .toSorted(([a, x], [b, y]) => byteOrder(a, b) || byteOrder(x, y))
    .map((pair) => pair.join('='))
    .join('&')
}
