import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startServer } from '../src/server.ts'
import { machine, median } from './measure.ts'

/**
 * Transit encrypt and decrypt with an ordinary token, a policy and a file audit device on LevelDB, against the same
 * cryptography on bare node:http, in one run, taking turns. Requests per second and their ratio. The load generator
 * shares the machine. Aim: 0.6.
 */
const seconds = Number(process.env['SECONDS'] ?? 2)
const rounds = Number(process.env['ROUNDS'] ?? 5)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const config = join(folder, 'c.hcl')
writeFileSync(
  config,
  `storage "level" { path = "${folder}/data" }
listener "tcp" {
  address = "127.0.0.1:0"
  tls_disable = true
}
audit "file" "file" { options { file_path = "${folder}/audit.log" } }
`,
)
const server = await startServer({ config: [config], log: () => {} })

async function call(method: string, path: string, body: unknown, token: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.address}/v1/${path}`, {
    method,
    headers: { 'X-Vault-Token': token },
    body: JSON.stringify(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${path}: ${text}`)
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

const made = (await call('PUT', 'sys/init', { secret_shares: 1, secret_threshold: 1 }, '')) as {
  keys: string[]
  root_token: string
}
await call('PUT', 'sys/unseal', { key: made.keys[0] }, '')
await call('POST', 'sys/mounts/transit', { type: 'transit' }, made.root_token)
await call('POST', 'transit/keys/k', {}, made.root_token)
await call(
  'PUT',
  'sys/policies/acl/app',
  {
    policy:
      'path "transit/encrypt/k" { capabilities = ["update"] }\npath "transit/decrypt/k" { capabilities = ["update"] }',
  },
  made.root_token,
)
const { auth } = (await call('POST', 'auth/token/create', { policies: ['app'] }, made.root_token)) as {
  auth: { client_token: string }
}
const { data } = (await call('POST', 'transit/encrypt/k', { plaintext: 'aGVsbG8gd29ybGQ=' }, auth.client_token)) as {
  data: { ciphertext: string }
}

const key = createSecretKey(randomBytes(32))
const bare = createServer((message, response) => {
  const parts: Buffer[] = []
  message.on('data', (part: Buffer) => parts.push(part))
  message.on('end', () => {
    const body = JSON.parse(Buffer.concat(parts).toString()) as { plaintext?: string; ciphertext?: string }
    response.writeHead(200, { 'Content-Type': 'application/json' })
    if (body.plaintext !== undefined) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const sealed = Buffer.concat([
        nonce,
        cipher.update(Buffer.from(body.plaintext, 'base64')),
        cipher.final(),
        cipher.getAuthTag(),
      ])
      response.end(
        JSON.stringify({ request_id: randomUUID(), data: { ciphertext: `vault:v1:${sealed.toString('base64')}` } }),
      )
    } else {
      const sealed = Buffer.from((body.ciphertext ?? '').slice('vault:v1:'.length), 'base64')
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12))
      decipher.setAuthTag(sealed.subarray(-16))
      response.end(
        JSON.stringify({
          request_id: randomUUID(),
          data: {
            plaintext: Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('base64'),
          },
        }),
      )
    }
  })
}).listen(0, '127.0.0.1')
await new Promise((resolve) => bare.once('listening', resolve))
const bareUrl = `http://127.0.0.1:${(bare.address() as AddressInfo).port}`
const bareSealed = (
  (await (await fetch(`${bareUrl}/`, { method: 'POST', body: '{"plaintext":"aGVsbG8gd29ybGQ="}' })).json()) as {
    data: { ciphertext: string }
  }
).data.ciphertext

/** Requests per second over a number of connections. */
async function load(url: string, body: string, connections: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const until = performance.now() + seconds * 1000
  let done = 0
  const one = async (): Promise<void> =>
    new Promise((resolve, reject) => {
      const sent = request(
        url,
        {
          method: 'POST',
          agent,
          headers: { 'X-Vault-Token': auth.client_token, 'Content-Length': Buffer.byteLength(body) },
        },
        (message) => {
          if (message.statusCode !== 200) reject(new Error(`status ${message.statusCode}`))
          message.resume().on('end', resolve)
        },
      )
      sent.on('error', reject).end(body)
    })
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      await one()
      done++
    }
  }
  await Promise.all(Array.from({ length: connections }, client))
  agent.destroy()
  return done / seconds
}

console.log(`${machine()}; load generator in the same process tree and on the same cores`)
for (const connections of [1, 32]) {
  for (const [operation, ours, theirs] of [
    ['encrypt', '{"plaintext":"aGVsbG8gd29ybGQ="}', '{"plaintext":"aGVsbG8gd29ybGQ="}'],
    ['decrypt', JSON.stringify({ ciphertext: data.ciphertext }), JSON.stringify({ ciphertext: bareSealed })],
  ] as const) {
    const [mine, bareRates]: [number[], number[]] = [[], []]
    for (let round = 0; round < rounds; round++) {
      mine.push(await load(`${server.address}/v1/transit/${operation}/k`, ours, connections))
      bareRates.push(await load(`${bareUrl}/`, theirs, connections))
    }
    const [a, b] = [median(mine), median(bareRates)]
    console.log(
      `${operation} c${connections}: strongroom ${a.toFixed(0)}/s, bare node:http ${b.toFixed(0)}/s, ratio ${(a / b).toFixed(2)}`,
    )
  }
}
bare.close()
await server.stop()
rmSync(folder, { recursive: true, force: true })
