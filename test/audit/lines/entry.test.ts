import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { Fault } from '../../../src/contract/fault.ts'
import type { ApiPath } from '../../../src/contract/request.ts'
import type { FormedResponse } from '../../../src/contract/response.ts'
import { Numeral } from '../../../src/util/json.ts'
import { Secret } from '../../../src/util/secret.ts'
import { brokerWith, event, file, freshView, linesOf, mount, round, scratch, token } from '../support.ts'

const hashed = /^hmac-sha256:[0-9a-f]{64}$/
const auth = {
  client_token: 'canary-new-token',
  accessor: 'canary-new-accessor',
  policies: ['default'],
  token_policies: ['default'],
  metadata: null,
  lease_duration: 3600,
  renewable: true,
  entity_id: '',
  token_type: 'service',
  orphan: false,
  mfa_requirement: null,
  num_uses: 0,
} as const

describe('audit lines', () => {
  const at = scratch()
  let count = 0
  const open = async (options = {}) => {
    const path = at(`lines-${++count}.log`)
    const { broker } = brokerWith()
    await broker.configure([file(path, options)])
    await broker.open(await freshView())
    return { broker, path, last: () => linesOf(path).at(-1), text: () => readFileSync(path, 'utf8') }
  }

  it("are a request and a response in Vault's format, with the chain last", async () => {
    const { broker, path } = await open()
    await round(broker, event({ ask: { data: { b: 'x', a: 1 }, wrapTtl: 60 } }), { data: { k: 'v' }, leaseDuration: 5 })
    const [request, response] = linesOf(path)
    expect(Object.keys(request ?? {})).to.deep.equal(['time', 'type', 'auth', 'request', 'chain'])
    expect(Object.keys(response ?? {})).to.deep.equal(['time', 'type', 'auth', 'request', 'response', 'chain'])
    expect(request).to.include({ time: '2026-11-24T12:00:00.123000000Z', type: 'request' })
    expect(request?.auth).to.include({ display_name: 'token-app', token_type: 'service', token_ttl: 3600 })
    expect(request?.auth?.['metadata']).to.deep.equal({ who: 'me' })
    expect(request?.request).to.include({
      operation: 'read',
      mount_point: 'kv/',
      mount_type: 'kv',
      mount_class: 'secret',
      path: 'kv/x',
      remote_address: '127.0.0.1',
      remote_port: 4711,
      wrap_ttl: 60,
    })
    expect(response?.request).to.deep.equal(request?.request)
    expect(response?.response).to.include({ mount_type: 'kv' }).and.have.property('secret').deep.equal({})
  })

  it('show the hashed token and the path of a wrapped response, and accessors as the device is configured', async () => {
    const wrapInfo = {
      token: 'canary-wrapping-token',
      accessor: 'canary-wrapping-accessor',
      ttl: 60,
      creation_time: '2026-11-24T12:00:00.000000000Z',
      creation_path: 'kv/x',
      wrapped_accessor: 'canary-inner-accessor',
    }
    for (const bare of [false, true]) {
      const { broker, last } = await open(bare ? { hmac_accessor: 'false' } : {})
      await round(broker, event({ ask: { wrapTtl: 60 } }), { wrapInfo })
      const shown = last()?.response?.['wrap_info'] as Readonly<Record<string, unknown>>
      expect(shown).to.include({ ttl: 60, creation_path: 'kv/x', creation_time: wrapInfo.creation_time })
      expect(shown['token']).to.match(hashed)
      for (const name of ['accessor', 'wrapped_accessor'] as const) {
        if (bare) expect(shown[name]).to.equal(wrapInfo[name])
        else expect(shown[name]).to.match(hashed)
      }
    }
  })

  it('hash every string, also empty ones, but not names, numbers, booleans and null', async () => {
    const { broker, path } = await open()
    const big = new Numeral('12345678901234567890')
    await round(broker, event({ ask: { data: { t: '', n: 5, y: true, z: null, l: ['a', 1, { in: 'b' }], big } } }))
    const data = linesOf(path)[0]?.request.data
    expect(data).to.include({ n: 5, y: true, z: null })
    expect(data?.['t']).to.match(hashed)
    expect(data?.['l']).to.satisfy(([text, one, { in: inner }]: [string, number, { in: string }]) => {
      return hashed.test(text) && one === 1 && hashed.test(inner)
    })
    expect(readFileSync(path, 'utf8')).to.include('"big":12345678901234567890')
    expect(data?.['t']).to.equal(broker.hash('file/', ''))
  })

  const bodies: Readonly<Record<string, FormedResponse | Fault>> = {
    'a text': { data: { v: 'canary' } },
    bytes: { data: { v: Buffer.from('canary') } },
    'a nested object': { data: { a: { b: [{ c: 'canary' }] } } },
    'an array': { data: { keys: ['canary'] } },
    'a plain object': { plain: { keys: ['canary'], root_token: 'canary' } },
    'a plain text': { plain: '-----BEGIN canary-----' },
    'plain bytes': { plain: Buffer.from('name,canary\n') },
    'a plain list': { plain: ['canary'] },
    'a token': { auth },
    'a secret': { data: { v: new Secret('canary') } },
    'an object that writes itself': { data: { v: { toJSON: () => ({ w: 'canary' }) } } },
    'a fault with data': new Fault('not_found', '', { data: { v: 'canary' } }),
    'a huge text': { data: { v: `canary${'x'.repeat(200_000)}` } },
    'very many texts': { data: { v: Array.from({ length: 20_000 }, (_, i) => `canary${i}`) } },
    'very many numbers': { data: { v: Array.from({ length: 300_000 }, (_, i) => i), w: 'canary' } },
  }
  for (const [name, outcome] of Object.entries(bodies)) {
    it(`hash ${name} in a response (CVE-2025-62513, CVE-2025-62705)`, async () => {
      const { broker, text } = await open()
      await round(broker, event(), outcome)
      expect(text()).to.not.include('canary').and.not.include(Buffer.from('canary').toString('base64').slice(0, 7))
      expect(text().length).to.be.below(1_100_000)
    })
  }

  it('show no canary planted in any field of a request (CVE-2025-4166, CVE-2024-8365)', async () => {
    const { broker, text } = await open()
    await broker.setHeader('x-hidden', true)
    const asked = event({
      token: { ...token, accessor: 'canary-accessor' },
      ask: {
        data: { password: 'canary-1', deep: { list: ['canary-2'] } },
        credential: { kind: 'token', token: new Secret('canary-bearer') },
        headers: { 'x-vault-token': 'canary-3', cookie: 'canary-4', 'x-hidden': ['canary-5', 'canary-6'] },
      },
    })
    await round(broker, asked, { auth })
    await round(broker, event({ ...asked, token: undefined as never }), { auth })
    expect(text()).to.not.include('canary')
  })

  it('show only the configured headers, as lists (CVE-2024-2877)', async () => {
    const { broker, last } = await open()
    await broker.setHeader('x-plain', false)
    await broker.setHeader('x-hidden', true)
    await round(broker, event({ ask: { headers: { 'x-plain': 'p', 'x-hidden': 'h', 'x-other': 'o' } } }))
    expect(last()?.request['headers']).to.deep.equal({ 'x-hidden': [broker.hash('file/', 'h')], 'x-plain': ['p'] })
    await broker.setHeader('x-plain', undefined)
    await round(broker, event({ ask: { headers: { 'x-plain': 'p' } } }))
    expect(last()?.request).to.not.have.property('headers')
  })

  it('have the same hash for the same string, and another one on another device', async () => {
    const { broker, path } = await open()
    await broker.enable(file(at('second.log'), {}, 'second/'))
    await round(broker, event())
    expect(linesOf(path).at(-1)?.request['client_token']).to.equal(broker.hash('file/', 'bearer-of-the-token'))
    expect(broker.hash('file/', 'x')).to.not.equal(broker.hash('second/', 'x'))
  })

  it('do not let log_raw of one device reach another (CVE-2024-0831)', async () => {
    const { broker, text } = await open()
    await broker.enable(file(at('raw.log'), { log_raw: 'true' }, 'raw/'))
    await round(broker, event({ ask: { data: { pw: 'canary' } } }), { data: { pw: 'canary' }, auth })
    expect(text()).to.not.include('canary').and.not.include('bearer-of')
    const raw = linesOf(at('raw.log')).at(-1)
    expect(raw?.request).to.deep.include({ data: { pw: 'canary' }, client_token: 'bearer-of-the-token' })
  })

  it('are never raw for requests with key shares, and name their salt', async () => {
    const path = at('strict.log')
    const { broker } = brokerWith()
    await broker.configure([file(path, { log_raw: 'true' })])
    const share = event({ token: undefined as never, neverRaw: true, ask: { data: { key: 'canary' } } })
    await round(broker, share)
    await broker.open(await freshView())
    await round(broker, event(), {})
    await round(
      broker,
      event({
        neverRaw: true,
        ask: { data: { key: 'canary' }, credential: { kind: 'token', token: new Secret('canary') } },
      }),
      { plain: { keys: ['canary'] } },
    )
    expect(readFileSync(path, 'utf8')).to.not.include('canary')
    expect(linesOf(path).map((line) => line.salt)).to.deep.equal(['boot', 'boot', ...Array(4).fill(undefined)])
  })

  it('leave accessors open with hmac_accessor=false, and nothing else', async () => {
    const { broker, last } = await open({ hmac_accessor: '0' })
    await round(broker, event(), { auth })
    expect(last()?.request['client_token_accessor']).to.equal('accessor-of-the-token')
    expect(last()?.auth?.['client_token']).to.match(hashed)
    expect((last()?.response?.['auth'] as typeof auth | undefined)?.accessor).to.equal('canary-new-accessor')
    expect((last()?.response?.['auth'] as typeof auth | undefined)?.client_token).to.match(hashed)
  })

  it('count lists with elide_list_responses', async () => {
    const { broker, last } = await open({ elide_list_responses: 'true' })
    const listed: FormedResponse = { data: { keys: ['a', 'b'], key_info: { a: { x: 'y' }, b: {} } } }
    await round(broker, event({ operation: 'list' }), listed)
    expect(last()?.response?.['data']).to.deep.equal({ keys: 2, key_info: 2 })
    await round(broker, event({ operation: 'read' }), listed)
    expect((last()?.response?.['data'] as { keys: string[] } | undefined)?.keys).to.have.length(2)
  })

  it('do not hash the values of the configured keys of a mount, at any depth', async () => {
    const { broker, last } = await open()
    const tuned = { ...mount, rawRequestKeys: ['pw'], rawResponseKeys: ['out'] }
    const asked = event({
      mount: tuned,
      ask: { data: { pw: 'open', data: { pw: ['open'], other: 'closed' }, out: 'closed' } },
    })
    await round(broker, asked, { data: { out: 'open', pw: 'closed' } })
    const closed = broker.hash('file/', 'closed')
    expect(last()?.request.data).to.deep.equal({ data: { other: closed, pw: ['open'] }, out: closed, pw: 'open' })
    expect(last()?.response?.['data']).to.deep.equal({ out: 'open', pw: closed })
  })

  it('show errors as clients see them', async () => {
    const { broker, path, last } = await open()
    const denied = new Fault('permission_denied', 'permission denied')
    await round(broker, event({ decision: { allowed: false, error: denied } }), denied)
    expect(linesOf(path).map(({ error }) => error)).to.deep.equal(
      Array(2).fill('1 error occurred:\n\t* permission denied\n\n'),
    )
    expect(last()?.auth).to.have.property('policy_results').deep.equal({ allowed: false })
    await round(broker, event(), new Fault('permission_denied', 'permission denied', { listed: false }))
    expect(last()?.error).to.equal('permission denied')
    await round(broker, event(), new Fault('not_found', ''))
    expect(last()).to.not.have.property('error')
  })

  it('are one line each, whatever the path and the strings are', async () => {
    const { broker, path, last } = await open({ log_raw: '1' })
    const odd = 'a"\\\n\u2028\u2029\ud800 ü💡'
    await round(broker, event({ ask: { path: `kv/${odd}` as ApiPath, data: { [odd]: odd } } }))
    expect(linesOf(path)).to.have.length(2)
    expect(last()?.request.data).to.deep.equal({ [odd]: odd })
  })

  it('show the identity of the caller, not only the token record', async () => {
    const { broker, last } = await open()
    const as = (bearer: string) => event({ ask: { credential: { kind: 'token', token: new Secret(bearer) } } })
    await round(broker, as('one'))
    await round(broker, as('two'))
    expect(last()?.request['client_token']).to.equal(broker.hash('file/', 'two'))
  })
})
