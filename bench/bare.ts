import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * The yardstick: transit's encrypt and decrypt with AES-256-GCM, and one constant secret for GET, on bare node:http, without tokens, policies, an audit
 * log or storage. Prints its port; ends with its standard input.
 */
const key = createSecretKey(randomBytes(32))

function encrypt(plaintext: string): object {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const body = [nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()]
  return { ciphertext: `vault:v1:${Buffer.concat(body).toString('base64')}`, key_version: 1 }
}

function decrypt(ciphertext: string): object {
  const sealed = Buffer.from(ciphertext.slice('vault:v1:'.length), 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
  decipher.setAuthTag(sealed.subarray(-16))
  return { plaintext: Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('base64') }
}

/** The response of a key-value store, as large as ours. */
const secret = { data: { password: 'correct horse' }, metadata: { created_time: 'x'.repeat(30), custom_metadata: null, deletion_time: '', destroyed: false, version: 1 } } // prettier-ignore

function answered(body: string): object {
  const { plaintext, ciphertext } = JSON.parse(body) as Record<string, string>
  return plaintext === undefined ? decrypt(ciphertext ?? '') : encrypt(plaintext)
}

const server = createServer((message, response) => {
  const parts: Buffer[] = []
  message.on('data', (part: Buffer) => parts.push(part))
  message.on('end', () => {
    const data = message.method === 'GET' ? secret : answered(Buffer.concat(parts).toString())
    const body = JSON.stringify({ request_id: randomUUID(), data })
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }).end(body)
  })
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port))
process.stdin.resume().on('end', () => process.exit(0))
