import { expect } from 'chai'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import type { KeyRecord, KeyVersion } from '../../../src/keys/record.ts'
import { configRoutes } from '../../../src/engines/transit/routes/config.ts'
import { KeyStore } from '../../../src/keys/store.ts'
import { silent } from '../../../src/util/log.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { outcomeOf } from '../../support/requests/matrix.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'
import { unaudited, keySpec } from '../../support/requests/key-spec.ts'

const day = 24 * 3_600_000

describe('the states of a key', () => {
  let server: TestServer
  let clock: HandClock
  beforeEach(async () => {
    clock = new HandClock()
    server = await devServer(clock)
    await server.data('POST', 'sys/mounts/t', { type: 'transit' })
    await server.data('POST', 't/keys/k', {})
  })
  afterEach(() => server.running.stop())
  const status = async (method: string, path: string, data?: object) =>
    (await server.call(method, `/v1/t/${path}`, data)).status
  const works = async () => (await status('POST', 'encrypt/k', { plaintext: 'eA==' })) === 200
  const metadata = async (): Promise<Body> => server.data('GET', 't/keys/k/metadata')
  /** Until the server has looked after its keys. */
  async function tended(done: () => Promise<boolean>): Promise<void> {
    for (let turn = 0; turn < 300; turn++) if (await done()) return
    expect.fail('it did not happen')
  }

  it('enabled and disabled: a disabled key does nothing, and can be enabled, soft-deleted and restored', async () => {
    expect(await server.data('POST', 't/keys/k/disable')).to.deep.equal({ name: 'k', state: 'disabled' })
    expect([await works(), (await metadata())['state']]).to.deep.equal([false, 'disabled'])
    await server.data('DELETE', 't/keys/k/soft-delete')
    expect(await status('POST', 'keys/k/enable'), 'a soft-deleted key is not enabled').to.equal(400)
    await server.data('POST', 't/keys/k/soft-delete-restore')
    expect((await metadata())['state'], 'what it was before').to.equal('disabled')
    await server.data('POST', 't/keys/k/enable')
    expect([await works(), await status('POST', 'keys/none/enable')]).to.deep.equal([true, 400])
  })

  it('soft-deleted: unusable, with one time to be destroyed that nothing shortens, and restored before it', async () => {
    await server.data('DELETE', 't/keys/k/soft-delete?purge_after=168h')
    const { purge_time: purge, deletion_time: deleted } = await metadata()
    expect([deleted, purge]).to.deep.equal(['2030-01-01T00:00:00.000000000Z', '2030-01-08T00:00:00.000000000Z'])
    expect(await works()).to.equal(false)
    await server.data('DELETE', 't/keys/k/soft-delete?purge_after=1')
    expect((await metadata())['purge_time']).to.equal(purge)
    clock.advance(6 * day)
    await server.data('POST', 't/keys/k/soft-delete-restore')
    clock.advance(30 * day)
    expect([await works(), (await metadata())['purge_time']]).to.deep.equal([true, ''])
  })

  it('unusable for every operation, whatever its type can do', async () => {
    await server.data('POST', 't/keys/pair', { type: 'ecdsa-p256' })
    await server.data('POST', 't/keys/peer', { type: 'ecdsa-p256' })
    const { keys } = await server.data('GET', 't/keys/peer')
    const peer = (keys as Record<string, Body>)['1']?.['public_key']
    const { signature } = await server.data('POST', 't/sign/pair', { input: 'eA==' })
    const { hmac } = await server.data('POST', 't/hmac/pair', { input: 'eA==' })
    const { ciphertext } = await server.data('POST', 't/encrypt/k', { plaintext: 'eA==' })
    const derive = { base_key_name: 'pair', peer_public_key: peer }
    const operations: readonly (readonly [string, object])[] = [
      ['sign/pair', { input: 'eA==' }],
      ['verify/pair', { input: 'eA==', signature }],
      ['hmac/pair', { input: 'eA==' }],
      ['verify/pair', { input: 'eA==', hmac }],
      ['keys/pair/csr', {}],
      ['derive-key/fresh', derive],
      ['encrypt/k', { plaintext: 'eA==' }],
      ['decrypt/k', { ciphertext }],
      ['rewrap/k', { ciphertext }],
      ['datakey/plaintext/k', {}],
    ]
    for (const [off, on] of [
      ['DELETE soft-delete', 'POST soft-delete-restore'],
      ['POST disable', 'POST enable'],
    ] as const)
      for (const [word, wanted] of [
        [off, 400],
        [on, 200],
      ] as const) {
        const [method = '', route = ''] = word.split(' ')
        for (const name of ['k', 'pair']) await server.data(method, `t/keys/${name}/${route}`)
        for (const [path, data] of operations) {
          const got = await status('POST', path.replace('fresh', `fresh-${route}`), data)
          expect(got === 204 ? 200 : got, `${route}: ${path}`).to.equal(wanted)
        }
      }
  })

  it('destroyed at its time: not before, and not restorable afterwards', async () => {
    await server.data('DELETE', 't/keys/k/soft-delete?purge_after=1h')
    clock.advance(3_599_999)
    expect(await status('GET', 'keys/k')).to.equal(200)
    clock.advance(1)
    const late = await server.call('POST', '/v1/t/keys/k/soft-delete-restore')
    expect(late.status === 204 || (late.status === 400 && late.text.includes('being destroyed'))).to.equal(true)
    clock.advance(60_000)
    await tended(async () => (await status('GET', 'keys/k')) === 404)
    expect(await status('GET', 'keys/k/metadata')).to.equal(404)
  })

  it('guarded: a recently used key is removed only with a confirmation', async () => {
    await server.data('POST', 't/keys/k/config', { deletion_allowed: true })
    expect(await server.data('GET', 't/config/deletion')).to.deep.equal({ guard: 0 })
    await server.data('POST', 't/config/deletion', { guard: '720h' })
    await server.data('POST', 't/encrypt/k', { plaintext: 'eA==' })
    clock.advance(30 * day)
    const refused = await server.call('DELETE', '/v1/t/keys/k')
    expect([refused.status, refused.text]).to.satisfy(
      ([code, text]: [number, string]) => code === 400 && text.includes('used lately') && text.includes('force'),
    )
    clock.advance(day)
    expect(await status('DELETE', 'keys/k'), 'not used for long').to.equal(204)
    await server.data('POST', 't/keys/k', {})
    await server.data('POST', 't/encrypt/k', { plaintext: 'eA==' })
    expect(await status('DELETE', 'keys/k?force=true'), 'force is no permission').to.equal(400)
    await server.data('POST', 't/keys/k/config', { deletion_allowed: true })
    expect(await status('DELETE', 'keys/k')).to.equal(400)
    expect(await status('DELETE', 'keys/k?force=true')).to.equal(204)
    await server.data('POST', 't/keys/k', {})
    await server.data('POST', 't/keys/k/config', { deletion_allowed: true })
    expect(await status('DELETE', 'keys/k'), 'never used').to.equal(204)
  })
})

describe('the metadata of a key', () => {
  let server: TestServer
  before(async () => {
    server = await devServer(new HandClock())
    await server.data('POST', 'sys/mounts/t', { type: 'transit' })
  })
  after(() => server.running.stop())
  const change = (name: string, data: object) => server.call('POST', `/v1/t/keys/${name}/metadata`, data)

  it('have its type, and the uses of each version', async () => {
    await server.data('POST', 't/keys/k', {})
    await server.data('POST', 't/encrypt/k', { plaintext: 'eA==' })
    await server.data('POST', 't/keys/k/rotate')
    const { versions, uuid, ...facts } = await server.data('GET', 't/keys/k/metadata')
    const at = '2030-01-01T00:00:00.000000000Z'
    expect(uuid).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(facts).to.deep.equal({
      name: 'k',
      aliases: [],
      type: 'aes256-gcm96',
      uses: ['encrypt', 'decrypt', 'wrap', 'unwrap'],
      state: 'enabled',
      deletion_time: '',
      purge_time: '',
      origin: 'generated',
      creation_time: at,
      last_use_time: at,
      tags: {},
      custom_metadata: {},
    })
    const { 1: first, 2: second } = versions as Record<number, Body>
    expect(first).to.include({ creation_time: at, last_use_time: at, origin: 'generated', encryptions: 1024 })
    expect(second).to.include({ last_use_time: '', encryptions: 0 })
    expect(first?.['id'])
      .to.match(/^[0-9a-f-]{36}$/)
      .and.not.equal(second?.['id'])
  })

  it('list its permitted uses; a removed use is refused until it is restored', async () => {
    await server.data('POST', 't/keys/rsa', { type: 'rsa-2048' })
    const sign = () => server.call('POST', '/v1/t/sign/rsa', { input: 'eA==' })
    const encrypt = () => server.call('POST', '/v1/t/encrypt/rsa', { plaintext: 'eA==' })
    expect([(await sign()).status, (await encrypt()).status]).to.deep.equal([200, 200])
    const { body } = await change('rsa', { uses: ['verify', 'sign'] })
    expect((body['data'] as Body)['uses']).to.deep.equal(['sign', 'verify'])
    expect([(await sign()).status, (await encrypt()).status]).to.deep.equal([200, 400])
    await change('rsa', { uses: 'encrypt,decrypt,sign,verify' })
    expect((await encrypt()).status).to.equal(200)
    for (const uses of [['derive'], ['fly'], []]) expect((await change('rsa', { uses })).status).to.equal(400)
  })

  it('has tags and metadata within bounds; values that a write leaves out stay', async () => {
    await server.data('POST', 't/keys/m', {})
    await change('m', { tags: { team: 'payments' }, custom_metadata: { owner: 'ana' } })
    await change('m', { custom_metadata: {} })
    const { tags, custom_metadata: custom } = await server.data('GET', 't/keys/m/metadata')
    expect([tags, custom]).to.deep.equal([{ team: 'payments' }, {}])
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, number) => [`n${number}`, 'x']))
    for (const wrong of [many, { '': 'x' }, { x: 'y'.repeat(257) }, { ['x'.repeat(129)]: 'y' }, { x: 'a\u0000' }])
      expect((await change('m', { tags: wrong })).status).to.equal(400)
    expect((await change('none', { tags: {} })).status).to.equal(400)
    expect((await server.data('GET', 't/keys/m/metadata'))['tags']).to.deep.equal({ team: 'payments' })
  })
})

describe('records of keys', () => {
  const open = async () => {
    const { barrier } = await openBarrier()
    const view = barrier.view('mount/x/')
    return { view, keys: new KeyStore({ view, clock: new HandClock(), log: silent }, randomBytes) }
  }

  it('of the first and second layout are read, keep working, and are written in the present one', async () => {
    const { view, keys } = await open()
    const record = await keys.draft(keySpec)
    const { aliases, size, tags, metadata, backedUp, restored, importRotates, ...first } = record
    expect({ aliases, size, tags, metadata, backedUp, restored, importRotates }).to.be.an('object')
    const gone = { is: 'soft-deleted', deletedAt: 5, purgeAt: null }
    const stored = {
      one: { ...first, name: 'one', format: 1 },
      two: { ...record, name: 'two', format: 2 },
      gone: { ...record, name: 'gone', format: 2, state: gone },
    }
    for (const [name, old] of Object.entries(stored)) await view.put(`key/${name}`, old)
    for (const name of ['one', 'two']) {
      const key = await keys.need(name)
      const made = await key.encrypt(Buffer.from('m'), 0, {}, unaudited)
      await keys.rotate(name)
      expect(Buffer.from(await (await keys.need(name)).decrypt(made, {})).toString()).to.equal('m')
      const now = (await view.get(`key/${name}`)) as KeyRecord
      expect({ ...now, versions: {} }).to.deep.equal({ ...record, name, latest: 2, versions: {} })
    }
    await keys.change('gone', '', (key) => ({ ...key, deletable: true }))
    expect(((await view.get('key/gone')) as KeyRecord).state).to.deep.equal({ ...gone, before: 'enabled' })
  })

  it('that no release would have made are refused when they are read, before anything is made of them', async () => {
    const { view, keys } = await open()
    const good = await keys.draft({ ...keySpec, type: 'hmac', size: 32 })
    const [version] = Object.values(good.versions) as [KeyVersion]
    const wrong: readonly object[] = [
      { format: 4 },
      { type: 'rot13' },
      { type: 'aes256-gcm96' },
      { size: 0 },
      { size: 1_500_000_000 },
      { size: null },
      { kdf: 'none' },
      { convergent: true },
      { autoRotatePeriod: 1 },
      { autoRotatePeriod: -3600 },
      { autoRotatePeriod: 1e21 },
      { autoRotatePeriod: NaN },
      { latest: 2 },
      { latest: 1_000_000 },
      { minDecryption: 0 },
      { minDecryption: 2 },
      { minDecryption: '1' },
      { minEncryption: 2 },
      { minAvailable: 1 },
      { createdAt: 8.64e15 },
      { exportable: 'no' },
      { state: { is: 'gone' } },
      { state: { is: 'soft-deleted', deletedAt: 0, purgeAt: -1, before: 'enabled' } },
      { uses: ['encrypt'] },
      { uses: [] },
      { name: 'a/b' },
      { versions: {} },
      { versions: { 1: version, 3: version } },
      { versions: { 1: { ...version, mac: '' } } },
      { versions: { 1: { ...version, material: '', mac: '' } } },
      { versions: { 1: { ...version, createdAt: -1 } } },
      { versions: { 1: null } },
      { versions: null },
      { tags: 5 },
    ]
    for (const part of wrong) {
      const text = JSON.stringify(part)
      const stored = { ...good, ...part }
      await view.put('key/k', stored)
      const rotated = await keys.rotate('k').catch((thrown: unknown) => thrown)
      expect(rotated, text).to.have.property('code', 'internal')
      const found = await keys.need('k').catch((thrown: unknown) => thrown)
      expect(found, text).to.have.property('code', 'internal')
      const changed = await keys.change('k', '', (key) => key).catch((thrown: unknown) => thrown)
      expect(changed, text).to.have.property('code', 'internal')
    }
    await view.put('key/k', good)
    expect((await keys.rotate('k')).latest).to.equal(2)
  })

  it('lose no certificate of a version that is out of use for a while', async () => {
    const { keys } = await open()
    await keys.add(await keys.draft({ ...keySpec, type: 'ed25519' }))
    await keys.rotate('k')
    await keys.change('k', '', (key) => ({
      ...key,
      versions: { ...key.versions, 1: { ...(key.versions[1] as KeyVersion), certificates: 'chain' } },
    }))
    const config = configRoutes.find(({ pattern }) => pattern === 'keys/:name/config') as never
    for (const min of [2, 1])
      expect(await outcomeOf(config, { keys }, { name: 'k', min_decryption_version: min })).to.have.property(
        'status',
        200,
      )
    expect((await keys.need('k')).record.versions[1]?.certificates).to.equal('chain')
  })

  it('are destroyed once by several servers, after a restart too, and other due work continues', async () => {
    const clock = new HandClock()
    const { barrier } = await openBarrier()
    const view = barrier.view('mount/x/')
    const start = () => new KeyStore({ view, clock, log: silent }, randomBytes)
    const keys = start()
    for (const name of ['a', 'b', 'c']) await keys.add(await keys.draft({ ...keySpec, name }))
    const purge = (name: string, purgeAt: number) =>
      keys.change(name, '', (key) => ({
        ...key,
        state: { is: 'soft-deleted', deletedAt: 0, purgeAt, before: 'enabled' },
      }))
    await purge('a', clock.now() + 10)
    await purge('b', clock.now() + 20)
    clock.advance(10)
    await Promise.all([start().tidy(), start().tidy()])
    expect(await start().names({})).to.deep.equal(['b', 'c'])
    clock.advance(10)
    await start().tidy()
    expect([await start().names({}), await view.list('purge/')]).to.deep.equal([['c'], []])
  })
})
