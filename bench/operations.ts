import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { machine, median } from './measure.ts'
import { bareServer, load, ownServer } from './servers.ts'
import type { Load, Target } from './servers.ts'

/**
 * Transit's operations with the main types of keys, one item or a batch of 400 and 1,000, with an ordinary token, a policy
 * and a file audit device on LevelDB, against the same cryptography on bare node:http, in one run, taking turns: medians
 * and their ratios. Aim: 0.6 of bare for single operations, 0.8 for batches and RSA. `ONLY` chooses by a part of the name.
 */
const rounds = Number(process.env['ROUNDS'] ?? 3)
const connections = 8
const only = process.env['ONLY'] ?? ''
const types = {
  'aes256-gcm96': ['encrypt', 'decrypt', 'hmac'],
  'chacha20-poly1305': ['encrypt', 'decrypt'],
  ed25519: ['sign', 'verify'],
  'ecdsa-p256': ['sign', 'verify'],
  'rsa-2048': ['sign', 'verify'],
} as const
/** The input of an operation, and the operation that creates it. */
const needs: Readonly<Record<string, readonly [string, string]>> = {
  decrypt: ['encrypt', 'ciphertext'],
  verify: ['sign', 'signature'],
}
const folder = mkdtempSync(join(tmpdir(), 'strongroom-bench-'))
const [own, bare] = await Promise.all([ownServer(folder), bareServer('bare-operations.js')])
await own.call('POST', 'sys/mounts/transit', { type: 'transit' })
for (const type of Object.keys(types)) await own.call('POST', `transit/keys/${type}`, { type })
await own.call('PUT', 'sys/policies/acl/app', { policy: 'path "transit/+/+" { capabilities = ["update"] }' })
const { auth } = await own.call('POST', 'auth/token/create', { policies: ['app'] })
const token = (auth as { client_token: string }).client_token

type Item = Readonly<Record<string, unknown>>
const fresh = (operation: string): Item => ({
  [operation === 'encrypt' ? 'plaintext' : 'input']: randomBytes(32).toString('base64'),
})

async function made(target: Target, path: string, items: readonly Item[]): Promise<Item[]> {
  const sent = await fetch(`http://127.0.0.1:${target.port}${path}`, {
    method: 'POST',
    headers: { 'X-Vault-Token': token },
    body: JSON.stringify({ batch_input: items }),
  })
  return ((await sent.json()) as { data: { batch_results: Item[] } }).data.batch_results
}

async function bodyFor(target: Target, root: string, wish: Wish): Promise<object> {
  const [maker, member = ''] = needs[wish.operation] ?? [wish.operation]
  const items = Array.from({ length: wish.size }, () => fresh(maker))
  const ready = member === '' ? items : await made(target, `${root}${maker}/${wish.type}`, items)
  const all =
    member === '' ? items : ready.map((one, at) => ({ ...(maker === 'sign' && items[at]), [member]: one[member] }))
  return wish.size === 1 ? (all[0] as object) : { batch_input: all }
}

interface Wish {
  readonly operation: string
  readonly type: string
  readonly size: number
}

async function compared(wish: Wish): Promise<void> {
  const path = `${wish.operation}/${wish.type}`
  const bodies = [await bodyFor(own, '/v1/transit/', wish), await bodyFor(bare, '/', wish)]
  const [ours, theirs]: [Load[], Load[]] = [[], []]
  for (let round = 0; round < rounds; round++) {
    ours.push(await load(own, { path: `/v1/transit/${path}`, token, body: bodies[0], connections }))
    theirs.push(await load(bare, { path: `/${path}`, token, body: bodies[1], connections }))
  }
  const rate = (loads: readonly Load[]) => median(loads.map((each) => each.rate)) * wish.size
  const cpu = (loads: readonly Load[]) => median(loads.map((each) => each.cpu)) / wish.size
  console.log(
    `${path}, ${wish.size}: strongroom ${rate(ours).toFixed(0)}/s, ${cpu(ours).toFixed(1)} us; bare ${rate(theirs).toFixed(0)}/s, ` +
      `${cpu(theirs).toFixed(1)} us; ratio ${(rate(ours) / rate(theirs)).toFixed(2)}, by processor time ${(cpu(theirs) / cpu(ours)).toFixed(2)}`,
  )
}

console.log(machine())
for (const [type, operations] of Object.entries(types))
  for (const operation of operations)
    for (const size of [1, 400, 1000])
      if (`${operation}/${type}, ${size}`.includes(only)) await compared({ operation, type, size })
await Promise.all([own.stop(), bare.stop()])
rmSync(folder, { recursive: true })
