import { expect } from 'chai'
import { keyTypes } from '../../../src/crypto/keys/key-types.ts'
import type { KeyType } from '../../../src/crypto/keys/key-types.ts'
import { jsonLimits } from '../../../src/util/json-limits.ts'
import { worstValues } from '../../support/requests/bodies.ts'
import { MeasuredServer } from '../../support/processes/measured.ts'
import type { Body } from '../../support/server.ts'

/** Base64 of so many letters. */
const base64 = (letters: number): string => 'QUJD'.repeat(Math.floor(letters / 4))
/** As many letters as one member of a request can have, and as many as come back and still fit. */
const most = jsonLimits.bytes - 200
const encrypted = Math.floor((jsonLimits.bytes - 4096) * 0.98)
const each = <T>(count: number, item: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => item(at))

const rules = `
path "transit/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "kv/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }
path "kv2/*" { capabilities = ["create", "read", "update", "patch", "delete", "list"] }
path "sys/*" { capabilities = ["create", "read", "update", "sudo"] }
path "cubbyhole/*" { capabilities = ["create", "read", "update"] }`

type Row = KeyType & { readonly name: string }
const types: readonly Row[] = Object.entries(keyTypes).map(([name, type]) => ({ name, ...(type as KeyType) }))
const can = (row: Row, ...uses: readonly string[]): boolean => row.uses.some((use) => uses.includes(use))

describe('the event loop, with authorised callers', function () {
  this.timeout(25 * 60_000)
  let server: MeasuredServer
  let headers: Readonly<Record<string, string>>

  before(async () => {
    server = await MeasuredServer.start()
    const { http } = server
    await http.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await http.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await http.data('POST', 'sys/mounts/kv2', { type: 'kv', options: { version: '2' } })
    headers = { 'X-Vault-Token': await http.tokenWith(rules) }
    for (const { name } of types) {
      await http.data('POST', `transit/keys/${name}`, { type: name, ...(name === 'hmac' && { key_size: 32 }) })
    }
    for (const { name } of types.filter(({ derivable }) => derivable)) {
      await http.data('POST', `transit/keys/${name}-derived`, { type: name, derived: true })
    }
    for (const { name } of types.filter(({ convergent }) => convergent)) {
      await http.data('POST', `transit/keys/${name}-convergent`, {
        type: name,
        derived: true,
        convergent_encryption: true,
      })
    }
  })
  after(async () => server.stop())

  /** The data of the answer, which has the wanted status each time. */
  const sent = async (method: string, path: string, data: unknown, wanted = 200, more: object = {}): Promise<Body> => {
    const body = data === undefined || typeof data === 'string' ? data : JSON.stringify(data)
    let answered: Body = {}
    await server.turnsQuickly(`${method} ${path}, ${(body ?? '').slice(0, 60)}`, async () => {
      const reply = await server.http.call(method, `/v1/${path}`, body, { ...headers, ...more })
      expect(reply.status, `${path}: ${reply.text.slice(0, 300)}`).to.equal(wanted)
      answered = (reply.body['data'] ?? {}) as Body
    })
    return answered
  }
  const post = async (path: string, data: unknown, wanted = 200): Promise<Body> => sent('POST', path, data, wanted)
  const resultsOf = (data: Body): readonly Body[] => data['batch_results'] as readonly Body[]

  it('is not blocked by encrypting, decrypting or rewrapping one large message, with every type of key', async () => {
    for (const row of types.filter(({ cipher }) => cipher)) {
      const bound = row.cipher?.authenticated ? { associated_data: base64(encrypted / 8) } : {}
      const plaintext = base64(encrypted)
      const { ciphertext } = await post(`transit/encrypt/${row.name}`, { plaintext })
      await post(`transit/decrypt/${row.name}`, { ciphertext })
      await post(`transit/rewrap/${row.name}`, { ciphertext })
      await post(`transit/reencrypt/${row.name}/aes256-gcm96`, { ciphertext })
      await post(`transit/encrypt/${row.name}`, { ...bound, plaintext: base64(encrypted * 0.8) })
      await post(`transit/encrypt/${row.name}-derived`, { plaintext: 'QUJD', context: base64(most) }, 400)
      await post(`transit/encrypt/${row.name}-derived`, { plaintext: 'QUJD', context: base64(encrypted) })
      await post(`transit/datakey/plaintext/${row.name}-derived`, { context: base64(encrypted) })
      if (row.convergent) await post(`transit/encrypt/${row.name}-convergent`, { plaintext, context: 'QUJD' })
      await post(`transit/encrypt/${row.name}`, { plaintext: base64(most) }, 400)
    }
  })

  it('is not blocked by large invalid ciphertexts', async () => {
    for (const { name } of types.filter((row) => can(row, 'decrypt')))
      for (const ciphertext of [
        `vault:v1:${base64(most)}`,
        `vault:${'v'.repeat(most)}`,
        base64(most),
        ':'.repeat(most),
      ])
        await post(`transit/decrypt/${name}`, { ciphertext }, 400)
  })

  it('is not blocked by hashing, MACing, signing or verifying one large message, with every type of key', async () => {
    const input = base64(most - 4200)
    for (const algorithm of ['sha2-256', 'sha2-512', 'sha3-256', 'sha3-512']) {
      for (const path of ['transit/hash', 'sys/tools/hash']) await post(path, { input: base64(most), algorithm })
      const { hmac } = await post('transit/hmac/aes256-gcm96', { input, algorithm })
      await post('transit/verify/aes256-gcm96', { input, algorithm, hmac })
      for (const name of ['rsa-2048', 'ecdsa-p256', 'ecdsa-p521']) {
        const data = { input, hash_algorithm: algorithm }
        const { signature } = await post(`transit/sign/${name}`, data)
        await post(`transit/verify/${name}`, { ...data, signature })
      }
    }
    for (const { name } of types.filter(({ mac }) => mac === 'cmac')) {
      const { cmac } = await post(`transit/cmac/${name}`, { input })
      await post(`transit/verify/${name}`, { input, cmac })
    }
    const short = base64(most - 80_000)
    for (const { name } of types.filter((row) => can(row, 'sign') && !row.name.startsWith('slh'))) {
      const { signature } = await post(`transit/sign/${name}`, { input: short })
      await post(`transit/verify/${name}`, { input: short, signature })
    }
    for (const name of ['slh-dsa-sha2-128f', 'slh-dsa-shake-128f']) {
      const { signature } = await post(`transit/sign/${name}`, { input: short })
      await post(`transit/verify/${name}`, { input: short, signature })
    }
    await post('transit/sign/ed25519-derived', { input: 'QUJD', context: base64(most - 2200) })
    await post('transit/verify/ed25519', { input, signature: `vault:v1:${base64(100)}` }, 200)
    await post('transit/random', { bytes: 131_072, format: base64(most) }, 400)
    await post('transit/random', { bytes: 131_072 })
  })

  it('is not blocked by the largest batches', async () => {
    const items = each(19_000, (at) => ({ plaintext: Buffer.from(`${at}`).toString('base64') }))
    const inputs = items.slice(0, 12_000).map(({ plaintext: input }) => ({ input }))
    for (const name of ['aes256-gcm96', 'aes256-gcm-siv', 'xchacha20-poly1305', 'aes128-cbc']) {
      const made = resultsOf(await post(`transit/encrypt/${name}`, { batch_input: items }))
      const back = made.map(({ ciphertext }) => ({ ciphertext }))
      await post(`transit/decrypt/${name}`, { batch_input: back })
      await post(`transit/rewrap/${name}`, { batch_input: back })
      const few = each(4, () => ({ plaintext: base64(encrypted / 4 - 1000) }))
      await post(`transit/encrypt/${name}`, { batch_input: few })
    }
    const macs = resultsOf(await post('transit/hmac/aes256-gcm96', { batch_input: inputs }))
    await post('transit/verify/aes256-gcm96', { batch_input: inputs.map((one, at) => ({ ...one, ...macs[at] })) })
    const cmacs = resultsOf(await post('transit/cmac/aes256-cmac', { batch_input: inputs }))
    await post('transit/verify/aes256-cmac', { batch_input: inputs.map((one, at) => ({ ...one, ...cmacs[at] })) })
    for (const name of ['ed25519', 'ecdsa-p256']) {
      const signed = resultsOf(await post(`transit/sign/${name}`, { batch_input: inputs.slice(0, 4000) }))
      const back = signed.map(({ signature }, at) => ({ ...inputs[at], signature }))
      await post(`transit/verify/${name}`, { batch_input: back })
    }
    // Each names what nobody asked for, and fails.
    const odd = each(4900, (at) => ({ [`k${at}`]: 1, plaintext: '!', reference: 'é'.repeat(200) }))
    await post('transit/encrypt/aes256-gcm96', { batch_input: odd }, 400)
    await post('transit/encrypt/made-by-batch', { batch_input: items })
  })

  it('is not blocked by large values of any parameter of transit', async () => {
    const paths = [
      ...['encrypt', 'decrypt', 'rewrap', 'hmac', 'sign', 'verify', 'datakey/plaintext', 'datakey/wrapped'].map(
        (operation) => `transit/${operation}/aes256-gcm96`,
      ),
      'transit/hash', 'transit/random', 'transit/keys/other', 'transit/keys/aes256-gcm96/config', 'transit/restore/new',
      'transit/keys/x/import', 'transit/keys/aes256-gcm96/trim', 'transit/keys/rsa-2048/set-certificate',
      'transit/keys/rsa-2048/csr', 'transit/derive-key/ecdsa-p256', 'transit/decapsulate/ml-kem-768',
    ] // prettier-ignore
    const document = await server.http.data('GET', 'sys/internal/specs/openapi')
    const text = JSON.stringify(document)
    const names = new Set([...text.matchAll(/"(\w+)":\{"(?:type|description)"/g)].map(([, name]) => name as string))
    for (const path of paths)
      for (const [shape, value] of worstValues())
        for (const name of ['unknown', 'batch_input', 'plaintext', 'input', 'ciphertext', 'context', 'backup', 'csr'])
          if (name === 'unknown' || names.has(name))
            await server.turnsQuickly(`POST ${path}, ${name} is ${shape}`, async () =>
              server.http.call('POST', `/v1/${path}`, `{${JSON.stringify(name)}:${value}}`, headers),
            )
  })

  it('is not blocked by writing, reading, patching or wrapping secrets of any kind', async () => {
    const wrap = { 'X-Vault-Wrap-TTL': '60' }
    for (const [shape, value] of worstValues()) {
      const secret = `{"v":${value}}`
      const work: readonly (readonly [string, () => Promise<unknown>])[] = [
        ['kv/x', () => server.http.call('POST', '/v1/kv/x', secret, headers)],
        ['kv/x read', () => server.http.call('GET', '/v1/kv/x', undefined, headers)],
        ['kv/x wrapped', () => server.http.call('GET', '/v1/kv/x', undefined, { ...headers, ...wrap })],
        ['kv2/data/x', () => server.http.call('POST', '/v1/kv2/data/x', `{"data":${secret}}`, headers)],
        ['kv2/data/x read', () => server.http.call('GET', '/v1/kv2/data/x', undefined, headers)],
        ['kv2/subkeys/x', () => server.http.call('GET', '/v1/kv2/subkeys/x', undefined, headers)],
        ['kv2/data/x patched', () => server.http.call('PATCH', '/v1/kv2/data/x', `{"data":{"w":1}}`, { ...headers, 'Content-Type': 'application/merge-patch+json' })],
        ['kv2/metadata/x', () => server.http.call('POST', '/v1/kv2/metadata/x', `{"custom_metadata":${secret}}`, headers)],
        ['cubbyhole/x', () => server.http.call('POST', '/v1/cubbyhole/x', secret, headers)],
        ['cubbyhole/x read', () => server.http.call('GET', '/v1/cubbyhole/x', undefined, headers)],
        ['sys/wrapping/wrap', async () => {
          const reply = await server.http.call('POST', '/v1/sys/wrapping/wrap', secret, { ...headers, ...wrap })
          const { token } = (reply.body['wrap_info'] ?? {}) as { readonly token?: string }
          if (token === undefined) return
          await server.http.call('POST', '/v1/sys/wrapping/lookup', { token })
          await server.http.call('POST', '/v1/sys/wrapping/unwrap', { token })
        }],
        ['sys/policies/acl/x', () => server.http.call('POST', '/v1/sys/policies/acl/x', `{"policy":${value}}`, headers)],
        ['sys/audit-hash/file', () => server.http.call('POST', '/v1/sys/audit-hash/file', `{"input":${value}}`, headers)],
      ] // prettier-ignore
      for (const [path, one] of work) await server.turnsQuickly(`${path}, ${shape}`, one)
    }
  })
})
