import { expect } from 'chai'
import * as fc from 'fast-check'
import { merged } from '../../../src/engines/kv/v2/merge.ts'
import { plainSettings } from '../../../src/engines/kv/v2/record.ts'
import { Secrets } from '../../../src/engines/kv/v2/secrets.ts'
import { openBarrier } from '../../support/barrier.ts'
import { HandClock } from '../../support/clock.ts'
import { FailingStorage } from '../../support/storages/failing-storage.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const merge = { 'Content-Type': 'application/merge-patch+json' }

describe('KV version 2, over HTTP', () => {
  let server: TestServer
  const clock = new HandClock()
  before(async () => {
    server = await devServer(clock)
  })
  after(async () => server.running.stop())

  const put = async (name: string, data: Body, options: Body = {}) =>
    server.call('POST', `/v1/secret/data/${name}`, { data, options })
  const get = async (name: string) => server.call('GET', `/v1/secret/data/${name}`)
  const dataOf = (body: Body) => (body['data'] as Body | undefined)?.['data']
  const versionOf = (body: Body) => (body['data'] as Body | undefined)?.['version']

  it('lets exactly one of 200 parallel writers replace a version', async () => {
    await put('race', { n: 0 })
    const replies = await Promise.all(Array.from({ length: 200 }, async (_, n) => put('race', { n }, { cas: 1 })))
    expect(replies.filter(({ status }) => status === 200)).to.have.length(1)
    expect(replies.filter(({ status }) => status === 400)).to.have.length(199)
    const metadata = await server.data('GET', 'secret/metadata/race')
    expect(metadata['current_version']).to.equal(2)
  })

  it('gives 100 parallel writers a version each, and keeps the last ten', async () => {
    const replies = await Promise.all(Array.from({ length: 100 }, async (_, n) => put('many', { n })))
    expect(new Set(replies.map(({ body }) => versionOf(body))).size).to.equal(100)
    const { versions, oldest_version: oldest } = await server.data('GET', 'secret/metadata/many')
    expect([Object.keys(versions as Body).length, oldest]).to.deep.equal([10, 91])
    expect((await get('many?version=90')).status).to.equal(404)
  })

  it('deletes versions after delete_version_after, and starts it again for undeleted ones', async () => {
    await server.data('POST', 'secret/metadata/short', { delete_version_after: '1h' })
    await put('short', { n: 1 })
    clock.advance(3_599_000)
    expect((await get('short')).status).to.equal(200)
    clock.advance(1000)
    expect((await get('short')).status).to.equal(404)
    await server.data('POST', 'secret/undelete/short', { versions: [1] })
    clock.advance(3_599_000)
    expect((await get('short')).status).to.equal(200)
  })

  it('never shows the values of a removed secret to one made later under its name', async () => {
    await put('again', { secret: 'old' })
    await put('again', { secret: 'older' })
    await server.data('DELETE', 'secret/metadata/again')
    await put('again', { secret: 'new' })
    expect((await get('again?version=2')).status).to.equal(404)
    expect(dataOf((await get('again')).body)).to.deep.equal({ secret: 'new' })
  })

  it('keeps numbers to the last digit', async () => {
    const text = '{"n":12345678901234567890.10,"e":1e400}'
    await server.call('POST', '/v1/secret/data/numbers', `{"data":${text}}`)
    expect((await get('numbers')).text).to.include(`"data":${text}`)
  })

  it('keeps them through a patch beside them and in a wrapped response', async () => {
    const digits = '"n":12345678901234567890.10'
    await server.call('POST', '/v1/secret/data/patched-numbers', `{"data":{${digits},"o":{"m":2e-400}}}`)
    const headers = { ...merge, 'X-Vault-Token': server.token }
    const change = '{"data":{"o":{"x":0.10},"y":-0}}'
    expect((await server.call('PATCH', '/v1/secret/data/patched-numbers', change, headers)).status).to.equal(200)
    const wanted = `{${digits},"o":{"m":2e-400,"x":0.10},"y":-0}`
    expect((await get('patched-numbers')).text).to.include(`"data":${wanted}`)
    const wrapping = { 'X-Vault-Token': server.token, 'X-Vault-Wrap-TTL': '60' }
    const wrapped = await server.call('GET', '/v1/secret/data/patched-numbers', undefined, wrapping)
    const { token } = wrapped.body['wrap_info'] as { readonly token: string }
    expect((await server.call('POST', '/v1/sys/wrapping/unwrap', { token })).text).to.include(`"data":${wanted}`)
  })

  it('a patch merges as RFC 7396 says, and needs its content type', async () => {
    await put('patched', { a: { b: 1, c: 2 }, d: [1] })
    const patch = { data: { a: { b: null, x: 'y' }, d: null } }
    const patched = async (type?: string) => {
      const headers = { 'X-Vault-Token': server.token, ...(type && { 'Content-Type': type }) }
      return server.call('PATCH', '/v1/secret/data/patched', patch, headers)
    }
    expect((await patched()).status).to.equal(400)
    expect((await patched('application/json')).status).to.equal(415)
    const reply = await server.call('PATCH', '/v1/secret/data/patched', patch, { ...merge, 'X-Vault-Token': 'root' })
    expect(versionOf(reply.body)).to.equal(2)
    expect(dataOf((await get('patched')).body)).to.deep.equal({ a: { c: 2, x: 'y' } })
  })

  it('keeps names of any script apart, and takes __proto__ as a name like any other', async () => {
    const names = ['%D0%BA%D0%BB%D1%8E%D1%87', 'k%20y', 'a%2Fb', '__proto__', 'constructor', 'data', '*']
    for (const name of names) await put(`names/${name}`, { at: name, ['__proto__x']: 1 })
    for (const name of names) expect((dataOf((await get(`names/${name}`)).body) as Body)['at']).to.equal(name)
    const raw = await server.call('POST', '/v1/secret/data/proto', '{"data":{"__proto__":{"admin":true}}}')
    expect(raw.status).to.equal(200)
    expect((await get('proto')).text).to.include('"__proto__":{"admin":true}')
    expect(({} as { readonly admin?: boolean }).admin).to.equal(undefined)
  })

  it('a write of a new secret needs create, one of a known secret update', async () => {
    const headers = {
      'X-Vault-Token': await server.tokenWith('path "secret/data/made/*" { capabilities = ["create"] }'),
    }
    const write = async () => (await server.call('POST', '/v1/secret/data/made/x', { data: { n: 1 } }, headers)).status
    expect([await write(), await write()]).to.deep.equal([200, 403])
  })
})

describe('a secret of very many versions', () => {
  it('is trimmed, destroyed and removed in pieces that every storage takes, until nothing of it is left', async () => {
    const storage = new FailingStorage()
    const { barrier } = await openBarrier(storage)
    const view = barrier.view('kv/')
    const id = '0'.repeat(32)
    const secrets = new Secrets({ view, clock: new HandClock() }, () => id)
    const keep = async (maxVersions: number) =>
      secrets.change('app', (old) => ({ ...(old ?? secrets.fresh()), settings: { ...plainSettings, maxVersions } }))
    const write = async (count: number) => {
      for (let n = 0; n < count; n++) await secrets.write('app', () => ({ n }))
    }
    const kept = async () => (await view.list(`value/${id}/`)).length
    await keep(1000)
    await write(450)
    await secrets.changeVersions('app', Array.from({ length: 150 }, (_, at) => at + 1), (one) => ({ ...one, destroyed: true }))
    expect(await kept()).to.equal(300)
    await keep(250)
    await write(3)
    expect(await kept(), 'after three writes').to.equal(250)
    expect(Object.keys((await secrets.find('app'))?.versions ?? {})).to.have.length(250)
    await secrets.forget('app')
    expect([await secrets.find('app'), await kept()]).to.deep.equal([undefined, 0])
  }) // prettier-ignore
})

describe('the times of a secret', () => {
  /** Whoever looks twice sees another time. */
  class RunningClock extends HandClock {
    override now(): number {
      this.advance(1)
      return super.now()
    }
  }

  it('are one and the same when it is created, by whichever route', async () => {
    const server = await devServer(new RunningClock())
    try {
      await server.data('POST', 'secret/metadata/by-metadata', { max_versions: 2 })
      await server.data('POST', 'secret/data/by-value', { data: { a: 1 } })
      for (const name of ['by-metadata', 'by-value']) {
        const { created_time: created, updated_time: updated } = await server.data('GET', `secret/metadata/${name}`)
        expect(updated, name).to.equal(created)
      }
    } finally {
      await server.running.stop()
    }
  })
})

describe('KV version 1 becomes version 2', () => {
  it('loses no write, however many come while it is upgraded', async () => {
    const server = await devServer()
    try {
      await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
      const names = Array.from({ length: 60 }, (_, n) => `folder/${n % 7}/secret-${n}`)
      for (const name of names) await server.data('POST', `kv/${name}`, { n: 'before' })
      const writes = names.map(async (name) => server.call('POST', `/v1/kv/${name}`, { n: 'during' }))
      const upgrade = server.call('POST', '/v1/sys/mounts/kv/tune', { options: { version: '2' } })
      const taken = (await Promise.all(writes)).map(({ status }) => status === 204)
      expect((await upgrade).status).to.equal(200)
      for (const [at, name] of names.entries()) {
        const { data } = await server.data('GET', `kv/data/${name}`)
        if (taken[at]) expect(data, name).to.deep.equal({ n: 'during' })
        else expect(data, name).to.deep.equal({ n: 'before' })
      }
      expect((await server.call('POST', '/v1/sys/mounts/kv/tune', { options: { version: '1' } })).status).to.equal(400)
    } finally {
      await server.running.stop()
    }
  })
})

describe('JSON merge patch', () => {
  /** RFC 7396 section 2, as written there. */
  function asInTheRfc(target: unknown, patch: unknown): unknown {
    if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
    const result: Record<string, unknown> =
      typeof target === 'object' && target !== null && !Array.isArray(target) ? { ...target } : {}
    for (const [name, value] of Object.entries(patch)) {
      if (value === null) delete result[name]
      else result[name] = asInTheRfc(result[name], value)
    }
    return result
  }

  it('has the results of the program in the RFC', () => {
    const names = fc.constantFrom('a', 'b', 'c')
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 3 },
        fc.constantFrom(null, 1, 'x', [1]),
        fc.dictionary(names, tie('value'), { maxKeys: 3, noNullPrototype: true }),
      ),
    })).value
    const object = fc.dictionary(names, value, { maxKeys: 3, noNullPrototype: true })
    fc.assert(
      fc.property(object, object, (target, patch) => {
        expect(merged(target, patch)).to.deep.equal(asInTheRfc(target, patch))
      }),
      { numRuns: 2000 },
    )
  })
})
