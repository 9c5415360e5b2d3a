import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
  sign,
  verify,
} from 'node:crypto'
import type { CipherGCMTypes, KeyPairKeyObjectResult } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The yardstick for `operations.ts`: the cryptography of transit on bare node:http, `POST /<operation>/<type>` with one
 * item or `batch_input`, without tokens, policies, an audit log or storage. Prints its port; ends with its standard input.
 */
type Item = Readonly<Record<string, string>>

const bytes = (text = ''): Buffer => Buffer.from(text, 'base64')
const ciphers: Readonly<Record<string, string>> = {
  'aes256-gcm96': 'aes-256-gcm',
  'chacha20-poly1305': 'chacha20-poly1305',
}
const secret = createSecretKey(randomBytes(32))
const pairs: Readonly<Record<string, KeyPairKeyObjectResult>> = {
  ed25519: generateKeyPairSync('ed25519'),
  'ecdsa-p256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'rsa-2048': generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const hashOf = (type: string): string | null => (type === 'ed25519' ? null : 'sha256')
const padding = (type: string) =>
  type === 'rsa-2048' ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 222 } : {}
const pairOf = (type: string): KeyPairKeyObjectResult => pairs[type] as KeyPairKeyObjectResult
const prefix = 'vault:v1:'

const operations: Readonly<Record<string, (type: string, item: Item) => object>> = {
  encrypt: (type, { plaintext }) => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv(ciphers[type] as CipherGCMTypes, secret, nonce, { authTagLength: 16 })
    const body = [nonce, cipher.update(bytes(plaintext)), cipher.final(), cipher.getAuthTag()]
    return { ciphertext: prefix + Buffer.concat(body).toString('base64'), key_version: 1 }
  },
  decrypt: (type, { ciphertext }) => {
    const sealed = bytes(ciphertext?.slice(prefix.length))
    const nonce = sealed.subarray(0, 12)
    const decipher = createDecipheriv(ciphers[type] as CipherGCMTypes, secret, nonce, { authTagLength: 16 })
    decipher.setAuthTag(sealed.subarray(-16))
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()])
    return { plaintext: plaintext.toString('base64') }
  },
  sign: (type, { input }) => {
    const signature = sign(hashOf(type), bytes(input), { key: pairOf(type).privateKey, ...padding(type) })
    return { signature: prefix + signature.toString('base64'), key_version: 1 }
  },
  verify: (type, { input, signature }) => {
    const key = { key: pairOf(type).publicKey, ...padding(type) }
    return { valid: verify(hashOf(type), bytes(input), key, bytes(signature?.slice(prefix.length))) }
  },
  hmac: (_, { input }) => ({
    hmac: prefix + createHmac('sha256', secret).update(bytes(input)).digest('base64'),
  }),
}

const server = createServer((message, response) => {
  const parts: Buffer[] = []
  message.on('data', (part: Buffer) => parts.push(part))
  message.on('end', () => {
    const [, operation = '', type = ''] = (message.url ?? '').split('/')
    const work = operations[operation] as (type: string, item: Item) => object
    const body = JSON.parse(Buffer.concat(parts).toString()) as Item & { readonly batch_input?: readonly Item[] }
    const data = body.batch_input
      ? { batch_results: body.batch_input.map((item) => work(type, item)) }
      : work(type, body)
    const answer = JSON.stringify({ request_id: randomUUID(), data })
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) }
    response.writeHead(200, headers).end(answer)
  })
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
process.stdin.resume().on('end', () => process.exit(0))
