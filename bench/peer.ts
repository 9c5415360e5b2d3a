import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { load, openBao, ownServer } from './servers.ts'
import type { Load, OwnServer } from './servers.ts'

/**
 * The same requests to strongroom and to OpenBao (`BAO`: its program), each with its own durable storage, a file audit
 * device and an ordinary token, taking turns in one run on one machine.
 */
const program = process.env['BAO']
if (program === undefined) throw new Error('BAO must name the program of OpenBao, for example BAO=/usr/bin/bao')
const rounds = Number(process.env['ROUNDS'] ?? 3)
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const rules =
  'path "transit/+/+" { capabilities = ["update"] }\npath "kv/*" { capabilities = ["create", "read", "update"] }'

interface Peer {
  readonly server: OwnServer
  /** Of an ordinary token. */
  readonly token: string
}

async function prepared(server: OwnServer): Promise<Peer> {
  await server.call('POST', 'sys/mounts/transit', { type: 'transit' })
  await server.call('POST', 'sys/mounts/kv', { type: 'kv', options: { version: '2' } })
  await server.call('POST', 'transit/keys/aes', {})
  await server.call('POST', 'transit/keys/ed', { type: 'ed25519' })
  await server.call('POST', 'transit/keys/rsa', { type: 'rsa-2048' })
  await server.call('PUT', 'sys/policies/acl/app', { policy: rules })
  const { auth } = await server.call('POST', 'auth/token/create', { policies: ['app'] })
  const token = (auth as { readonly client_token: string }).client_token
  // OpenBao makes a new mount of KV ready behind its first answers.
  for (let tries = 0; ; tries++) {
    const kept = server.call('POST', 'kv/data/x', { data: { password: 'correct horse' } })
    if (await kept.then(() => true, () => tries === 50)) return { server, token } // prettier-ignore
    await new Promise((done) => setTimeout(done, 100))
  }
}

mkdirSync(join(folder, 'own'))
mkdirSync(join(folder, 'bao'))
const own = await prepared(await ownServer(join(folder, 'own')))
const bao = await prepared(await openBao(program, join(folder, 'bao')))
const text = Buffer.alloc(32, 1).toString('base64')
const batch = Array.from({ length: 400 }, () => ({ plaintext: text }))
const requests = {
  'encrypt 32 bytes': { path: '/v1/transit/encrypt/aes', body: { plaintext: text } },
  'encrypt a batch of 400': { path: '/v1/transit/encrypt/aes', body: { batch_input: batch } },
  'HMAC 32 bytes': { path: '/v1/transit/hmac/aes', body: { input: text } },
  'sign, Ed25519': { path: '/v1/transit/sign/ed', body: { input: text } },
  'sign, RSA-2048': { path: '/v1/transit/sign/rsa', body: { input: text } },
  'read a secret': { method: 'GET', path: '/v1/kv/data/x' },
  'write a secret, durably': { path: '/v1/kv/data/w%n', body: { data: { password: 'correct horse' } } },
  'look up the own token': { method: 'GET', path: '/v1/auth/token/lookup-self' },
}

console.log(`${machine()}\nrequests per second and the middle latency, and the ratio of the rates`)
for (const connections of [1, 32])
  for (const [name, request] of Object.entries(requests)) {
    const found: [Load[], Load[]] = [[], []]
    for (let round = 0; round < rounds; round++)
      for (const [at, { server, token }] of [own, bao].entries())
        found[at]?.push(await load(server, { ...request, token, connections }))
    const of = (at: 0 | 1, what: keyof Load) => median(found[at].map((each) => each[what]))
    const rateText = (at: 0 | 1): string => `${of(at, 'rate').toFixed(0)}/s (${of(at, 'p50').toFixed(2)} ms)`
    console.log(
      `${name}, ${connections} connections: strongroom ${rateText(0)}, OpenBao ${rateText(1)}: ${(of(0, 'rate') / of(1, 'rate')).toFixed(2)}`,
    )
  }
await Promise.all([own.server.stop(), bao.server.stop()])
rmSync(folder, { recursive: true })
