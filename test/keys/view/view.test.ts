import { expect } from 'chai'
import { keyType, keyTypes } from '../../../src/crypto/keys/key-types.ts'
import type { KeyTypeName } from '../../../src/crypto/keys/key-types.ts'
import type { KeyStore } from '../../../src/keys/store.ts'
import { rootNamespace } from '../../../src/contract/identity.ts'
import type { EnginePorts } from '../../../src/server/engines.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'
import { viewEngine } from './engine.ts'

const message = Buffer.from('attack at dawn')
const hex = message.toString('hex')
interface Envelope {
  readonly version: number
  readonly bytes: string
}

describe('a second engine on the keys of a transit mount', () => {
  let server: TestServer
  let ports: EnginePorts
  const keys = () => ports.keysOf(rootNamespace, 'transit/') as KeyStore
  const uuidOf = async (name: string) => String((await server.data('GET', `transit/keys/${name}/metadata`))['uuid'])
  const made = async (operation: string, id: string) =>
    (await server.data('POST', `view/${operation}/${id}`, { message: hex }))['envelope'] as Envelope
  const opens = async (id: string, envelope: unknown): Promise<Body> =>
    server.data('POST', `view/decrypt/${id}`, { envelope })
  const as = async (rules: string, path: string, data: Body): Promise<Reply> =>
    server.call('POST', `/v1/${path}`, data, { 'X-Vault-Token': await server.tokenWith(rules) })
  const create = async (name: string, data: Body = {}): Promise<string> => {
    await server.data('POST', `transit/keys/${name}`, data)
    return uuidOf(name)
  }

  before(async () => {
    server = await devServer(undefined, {
      engines: (given) => {
        ports = given
        return [viewEngine(given)]
      },
    })
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/view', { type: 'view' })
  })
  after(async () => server.running.stop())

  it('encrypts and decrypts by uuid and by alias', async () => {
    const uuid = await create('orders')
    await keys().setAlias('billing', uuid)
    expect(await opens('billing', await made('encrypt', uuid))).to.deep.equal({ message: hex })
    expect(await opens(uuid, await made('encrypt', 'billing'))).to.deep.equal({ message: hex })
    expect((await server.data('GET', 'transit/keys/orders/metadata'))['aliases']).to.deep.equal(['billing'])
    for (const unknown of ['orders', 'other', `${uuid}0`])
      expect((await server.call('POST', `/v1/view/encrypt/${unknown}`, { message: hex })).status).to.equal(403)
  })

  it('signs and verifies; transit verifies the same signature', async () => {
    const uuid = await create('signer', { type: 'ecdsa-p256' })
    const envelope = await made('sign', uuid)
    expect(await server.data('POST', `view/verify/${uuid}`, { message: hex, envelope })).to.deep.equal({ valid: true })
    const other = Buffer.from('attack at dusk')
    const body = { message: other.toString('hex'), envelope }
    expect(await server.data('POST', `view/verify/${uuid}`, body)).to.deep.equal({ valid: false })
    const signature = `vault:v1:${Buffer.from(envelope.bytes, 'hex').toString('base64url')}`
    const input = message.toString('base64')
    const asked = { input, signature, marshaling_algorithm: 'jws' }
    expect(await server.data('POST', 'transit/verify/signer', asked)).to.deep.equal({ valid: true })
  })

  for (const type of (Object.keys(keyTypes) as KeyTypeName[]).filter((name) => keyType(name).cipher))
    it(`${type}: no ciphertext of one decrypts in the other`, async () => {
      const uuid = await create(type, { type })
      const envelope = await made('encrypt', uuid)
      expect(await opens(uuid, envelope)).to.deep.equal({ message: hex })
      const moved = { ciphertext: `vault:v1:${Buffer.from(envelope.bytes, 'hex').toString('base64')}` }
      const there = await server.call('POST', `/v1/transit/decrypt/${type}`, moved)
      const { ciphertext } = await server.data('POST', `transit/encrypt/${type}`, {
        plaintext: message.toString('base64'),
      })
      const bytes = Buffer.from(String(ciphertext).split(':')[2] ?? '', 'base64').toString('hex')
      const here = await server.call('POST', `/v1/view/decrypt/${uuid}`, { envelope: { version: 1, bytes } })
      // Without authentication (CBC) a wrong key may give something else; never the message.
      const isAuthenticated = keyType(type).cipher?.authenticated === true
      for (const { status, text } of [there, here]) {
        if (isAuthenticated) expect(status, text).to.equal(400)
        expect(text).to.not.include(hex).and.not.include(message.toString('base64'))
      }
    })

  it('asks the policies of the caller for the path of the key', async () => {
    const uuid = await create('guarded')
    await keys().setAlias('guarded-alias', uuid)
    const view = 'path "view/*" { capabilities = ["update"] }'
    const use = (rules: string, id = uuid) => as(`${view} ${rules}`, `view/encrypt/${id}`, { message: hex })
    const granted = 'path "transit/encrypt/guarded" { capabilities = ["update"] }'
    for (const id of [uuid, 'guarded-alias']) {
      expect((await use('', id)).status).to.equal(403)
      expect((await use(granted, id)).status).to.equal(200)
      expect((await use('path "transit/encrypt/other" { capabilities = ["update"] }', id)).status).to.equal(403)
      expect((await use('path "transit/decrypt/*" { capabilities = ["update"] }', id)).status).to.equal(403)
      expect((await use('path "transit/encrypt/guarded" { capabilities = ["create"] }', id)).status).to.equal(403)
    }
    const denied =
      'path "transit/*" { capabilities = ["update"] } path "transit/encrypt/guarded" { capabilities = ["deny"] }'
    expect((await use(denied)).status).to.equal(403)
    const conditions = 'path "transit/encrypt/guarded" { capabilities = ["update"] required_parameters = ["context"] }'
    expect((await use(conditions)).status, 'a parameter that the view does not have is required').to.equal(403)
    const wrapping = `${view} path "transit/encrypt/guarded" { capabilities = ["update"] min_wrapping_ttl = "1m" }`
    const token = await server.tokenWith(wrapping)
    for (const [ttl, status] of [
      ['30s', 403],
      ['2m', 200],
    ] as const) {
      const headers = { 'X-Vault-Token': token, 'X-Vault-Wrap-TTL': ttl }
      const reply = await server.call('POST', `/v1/view/encrypt/${uuid}`, { message: hex }, headers)
      expect(reply.status, ttl).to.equal(status)
    }
    expect((await use(wrapping)).status, 'not wrapped').to.equal(403)
    expect((await as(granted, `view/encrypt/${uuid}`, { message: hex })).status, 'without the view').to.equal(403)
  })

  it('asks for other paths of the same use, too', async () => {
    const uuid = await create('denied-hash', { type: 'ed25519' })
    const rules =
      'path "view/*" { capabilities = ["update"] } path "transit/sign/denied-hash" { capabilities = ["update"] }'
    const sign = (more: string) => as(`${rules} ${more}`, `view/sign/${uuid}`, { message: hex })
    expect((await sign('')).status).to.equal(200)
    const hash = 'path "transit/sign/denied-hash/sha2-256" { capabilities = ["deny"] }'
    expect((await sign(hash)).status).to.equal(403)
  })

  it('keeps to the state and the limits of the key', async () => {
    const uuid = await create('limited')
    const first = await made('encrypt', uuid)
    await server.data('POST', 'transit/keys/limited/rotate')
    expect(await made('encrypt', uuid)).to.have.property('version', 2)
    expect(await opens(uuid, first)).to.deep.equal({ message: hex })
    await server.data('POST', 'transit/keys/limited/config', { min_decryption_version: 2 })
    expect((await server.call('POST', `/v1/view/decrypt/${uuid}`, { envelope: first })).status).to.equal(400)
    await server.data('POST', 'transit/keys/limited/disable')
    expect((await server.call('POST', `/v1/view/encrypt/${uuid}`, { message: hex })).status).to.equal(400)
    await server.data('POST', 'transit/keys/limited/enable')
    await server.data('POST', 'transit/keys/limited/config', { deletion_allowed: true })
    await server.data('DELETE', 'transit/keys/limited')
    expect((await server.call('POST', `/v1/view/encrypt/${uuid}`, { message: hex })).status).to.equal(403)
  })

  it('finds the keys of its own namespace only, and none after the mount is removed', async () => {
    const inside = { 'X-Vault-Token': 'root', 'X-Vault-Namespace': 'app' }
    const uuid = await create('outside')
    const post = (path: string, data: Body) => server.call('POST', `/v1/${path}`, data, inside)
    await server.data('POST', 'sys/namespaces/app')
    await post('sys/mounts/view', { type: 'view' })
    expect((await post(`view/encrypt/${uuid}`, { message: hex })).status).to.equal(403)
    await post('sys/mounts/transit', { type: 'transit' })
    await post('transit/keys/k', {})
    const { body } = await server.call('GET', '/v1/transit/keys/k/metadata', undefined, inside)
    const own = String((body['data'] as Body)['uuid'])
    expect((await post(`view/encrypt/${own}`, { message: hex })).status).to.equal(200)
    expect((await post(`view/encrypt/${uuid}`, { message: hex })).status).to.equal(403)
    expect((await server.call('DELETE', '/v1/sys/mounts/transit', undefined, inside)).status).to.equal(204)
    expect((await post(`view/encrypt/${own}`, { message: hex })).status).to.equal(403)
  })
})
