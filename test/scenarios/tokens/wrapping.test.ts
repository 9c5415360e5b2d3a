import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { devServer, openLevelServer, restarted, unseal } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

interface WrapInfo {
  readonly token: string
  readonly accessor: string
  readonly ttl: number
  readonly creation_path: string
  readonly wrapped_accessor?: string
}
const infoOf = ({ body }: Reply): WrapInfo => body['wrap_info'] as WrapInfo
const notValid = { errors: ['wrapping token is not valid or does not exist'] }

describe('response wrapping', () => {
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'secret/data/a', { data: { password: 'opensesame' } })
  })
  after(async () => server.running.stop())

  const as = (token: string, more: Readonly<Record<string, string>> = {}) => ({ 'X-Vault-Token': token, ...more })
  const wrapped = async (
    method = 'GET',
    path = 'secret/data/a',
    body?: unknown,
    { token = 'root', ttl = '60' } = {},
  ): Promise<Reply> => server.call(method, `/v1/${path}`, body, as(token, { 'X-Vault-Wrap-TTL': ttl }))
  const wrappingToken = async (...how: Parameters<typeof wrapped>) => infoOf(await wrapped(...how)).token
  const unwrap = async (token: string, by?: string) =>
    by === undefined
      ? server.call('POST', '/v1/sys/wrapping/unwrap', undefined, as(token))
      : server.call('POST', '/v1/sys/wrapping/unwrap', { token }, as(by))
  const accessors = async () => (await server.data('LIST', 'auth/token/accessors'))['keys'] as readonly string[]

  it('a wrapped response is a token that unwraps it, and nothing of it is in clear', async () => {
    const reply = await wrapped()
    expect(reply.status).to.equal(200)
    expect(reply.text).not.to.include('opensesame')
    expect(reply.body).to.include({ request_id: '', data: null, auth: null })
    expect(infoOf(reply)).to.include({ ttl: 60, creation_path: 'secret/data/a' })
    const opened = await unwrap(infoOf(reply).token)
    expect((opened.body['data'] as Body)['data']).to.deep.equal({ password: 'opensesame' })
  })

  it('wrapping: of 200 simultaneous unwraps, by header or by body, exactly one succeeds', async () => {
    for (const way of ['header', 'body', 'both'] as const) {
      const token = await wrappingToken()
      const replies = await Promise.all(
        Array.from({ length: 200 }, async (_, at) =>
          way === 'header' || (way === 'both' && at % 2 === 0) ? unwrap(token) : unwrap(token, 'root'),
        ),
      )
      const won = replies.filter(({ status }) => status === 200)
      expect(won, way).to.have.length(1)
      expect(won[0]?.text, way).to.include('opensesame')
      for (const { status, text } of replies) if (status !== 200) expect(text).not.to.include('opensesame')
    }
  })

  it('wrapping: a lookup does not unwrap, and shows the origin, also without a token', async () => {
    const token = await wrappingToken('POST', 'sys/wrapping/wrap', { data: { password: 'forged' } })
    for (const headers of [as('root'), {}, as(token)]) {
      const reply = await server.call('POST', '/v1/sys/wrapping/lookup', { token }, headers)
      expect(reply.body['data']).to.include({ creation_path: 'sys/wrapping/wrap', creation_ttl: 60 })
    }
    expect((await unwrap(token)).status).to.equal(200)
    expect((await server.call('POST', '/v1/sys/wrapping/lookup', { token })).body).to.deep.equal(notValid)
  })

  it('wrapping: its token can do nothing else, and is revoked by an attempt', async () => {
    for (const [method, path] of [
      ['GET', 'auth/token/lookup-self'],
      ['GET', 'secret/data/a'],
      ['POST', 'auth/token/create'],
      ['PUT', 'cubbyhole/response'],
      ['POST', 'sys/wrapping/rewrap'],
    ] as const) {
      const token = await wrappingToken()
      expect(
        (await server.call(method, `/v1/${path}`, method === 'GET' ? undefined : { a: 1 }, as(token))).status,
        path,
      ).to.equal(403)
      expect((await unwrap(token, 'root')).body, path).to.deep.equal(notValid)
    }
    expect(await accessors()).to.have.length(1)
  })

  it('wrapping: it expires, and is removed when it is revoked', async () => {
    const late = await wrappingToken('GET', 'secret/data/a', undefined, { ttl: '2s' })
    clock.advance(2000)
    expect((await unwrap(late)).body).to.deep.equal(notValid)
    const { token, accessor } = infoOf(await wrapped())
    await server.data('POST', 'auth/token/revoke-accessor', { accessor })
    expect((await unwrap(token, 'root')).body).to.deep.equal(notValid)
  })

  it('wrapping: after a rewrap, the old token is invalid', async () => {
    const first = await wrappingToken()
    const reply = await server.call('POST', '/v1/sys/wrapping/rewrap', { token: first })
    expect(infoOf(reply)).to.include({ ttl: 60, creation_path: 'secret/data/a' })
    expect((await unwrap(first)).body).to.deep.equal(notValid)
    expect((await unwrap(infoOf(reply).token)).text).to.include('opensesame')
  })

  it('a list is wrapped under its folder', async () => {
    const reply = await wrapped('LIST', 'secret/metadata')
    expect(infoOf(reply)).to.include({ creation_path: 'secret/metadata/' })
    expect((await unwrap(infoOf(reply).token)).body['data'])
      .to.have.property('keys')
      .include('a')
  })

  it('the same token as the caller and in the body unwraps it', async () => {
    const token = await wrappingToken()
    expect((await unwrap(token, token)).text).to.include('opensesame')
    expect((await unwrap(token, 'root')).body).to.deep.equal(notValid)
  })

  it('a caller without the right to unwrap neither unwraps nor revokes it; an invalid token is reported without any right', async () => {
    const token = await wrappingToken()
    const stranger = await server.tokenWith('path "nothing" { capabilities = ["read"] }')
    expect((await unwrap(token, stranger)).status).to.equal(403)
    expect((await server.call('POST', '/v1/sys/wrapping/unwrap', { token }, {})).status).to.equal(403)
    expect((await unwrap(token, 'root')).status).to.equal(200)
    expect((await unwrap(token, stranger)).body).to.deep.equal(notValid)
    for (const odd of [7, ['x'], {}, ''])
      expect(
        (await server.call('POST', '/v1/sys/wrapping/unwrap', { token: odd })).status,
        JSON.stringify(odd),
      ).to.equal(403)
    expect((await unwrap('root')).body).to.deep.equal(notValid)
  })

  it('a policy bounds the wrap TTL, and a refused request has no effect', async () => {
    const bounded = await server.tokenWith(
      'path "secret/data/b" { capabilities = ["create", "read", "update"] min_wrapping_ttl = "1m" max_wrapping_ttl = "2m" }',
    )
    const known = await accessors()
    for (const ttl of ['59', '121', '1h'])
      expect((await wrapped('POST', 'secret/data/b', { data: { a: 'b' } }, { token: bounded, ttl })).status).to.equal(
        403,
      )
    for (const ttl of ['soon', '-5', '1x', '', '0'])
      expect((await wrapped('POST', 'secret/data/b', { data: { a: 'b' } }, { token: bounded, ttl })).status).to.equal(
        400,
      )
    expect(await accessors()).to.deep.equal(known)
    expect((await server.call('GET', '/v1/secret/data/b')).status).to.equal(404)
    expect(
      infoOf(await wrapped('POST', 'secret/data/b', { data: { a: 'b' } }, { token: bounded, ttl: '90s' })).ttl,
    ).to.equal(90)
  })

  it('a token that is made, batch tokens too, is wrapped with its accessor beside it', async () => {
    const reply = await wrapped('POST', 'auth/token/create', { policies: ['default'], ttl: '1h' })
    const { token, wrapped_accessor: accessor } = infoOf(reply)
    const { auth } = (await unwrap(token)).body as { readonly auth: Readonly<Record<string, string>> }
    expect(auth['accessor']).to.equal(accessor)
    expect(
      (await server.call('GET', '/v1/auth/token/lookup-self', undefined, as(auth['client_token'] ?? ''))).status,
    ).to.equal(200)
    const batch = await wrapped('POST', 'auth/token/create', { policies: ['default'], ttl: '1h', type: 'batch' })
    expect(infoOf(batch)).not.to.have.property('wrapped_accessor')
    const made = (await unwrap(infoOf(batch).token)).body['auth'] as Readonly<Record<string, string>>
    // A batch token may ask for wrapped answers, and open them.
    const own = await wrappingToken('GET', 'auth/token/lookup-self', undefined, { token: made['client_token'] ?? '' })
    expect((await unwrap(own, made['client_token'])).body['data']).to.include({ type: 'batch' })
  })

  it('survives the revocation or last use of the token that created it', async () => {
    const rules = 'path "secret/data/a" { capabilities = ["read"] }'
    const once = await server.tokenWith(rules, { num_uses: 1 })
    expect((await unwrap(await wrappingToken('GET', 'secret/data/a', undefined, { token: once }))).status).to.equal(200)
    const caller = await server.tokenWith(rules)
    const token = await wrappingToken('GET', 'secret/data/a', undefined, { token: caller })
    await server.data('POST', 'auth/token/revoke', { token: caller })
    expect((await unwrap(token)).status).to.equal(200)
  })

  it('errors, responses without content and those of the server’s own life are not wrapped', async () => {
    expect((await wrapped('GET', 'secret/data/none')).body).to.deep.equal({ errors: [] })
    expect((await wrapped('GET', 'nowhere')).status).to.equal(404)
    expect((await wrapped('DELETE', 'secret/data/none')).status).to.equal(204)
    expect((await wrapped('GET', 'sys/seal-status')).body).to.include({ sealed: false })
    const refused = await wrapped('PUT', 'sys/unseal', { key: 'aa' })
    expect(refused.status).to.equal(400)
    expect(refused.text).to.include('cannot be wrapped')
  })

  it('responses with another status, with warnings, or without envelope are unwrapped unchanged', async () => {
    await server.data('POST', 'secret/data/gone', { data: { a: 'b' } })
    await server.data('DELETE', 'secret/data/gone')
    const direct = await server.call('GET', '/v1/secret/data/gone')
    const opened = await unwrap(await wrappingToken('GET', 'secret/data/gone'))
    expect(opened.status).to.equal(404)
    expect(opened.body['data']).to.deep.equal(direct.body['data'])
    const api = await unwrap(await wrappingToken('GET', 'sys/internal/specs/openapi'))
    expect(api.body).to.have.property('openapi')
    const large = '{"n":12345678901234567890,"f":1.50}'
    const numbers = await unwrap(await wrappingToken('POST', 'sys/wrapping/wrap', large))
    expect(numbers.text).to.include(`"data":${large}`)
  })

  it('its own cubbyhole shows the response as text, once, as old clients read it', async () => {
    const token = await wrappingToken()
    const reply = await server.call('GET', '/v1/cubbyhole/response', undefined, as(token))
    const { response } = reply.body['data'] as { readonly response: string }
    expect((JSON.parse(response) as Body)['data'])
      .to.have.property('data')
      .deep.equal({ password: 'opensesame' })
    expect((await unwrap(token)).body).to.deep.equal(notValid)
    expect((await server.call('GET', '/v1/cubbyhole/response')).status).to.equal(404)
  })
})

describe('response wrapping and the audit log', () => {
  it('wrapping: neither secret nor token is in the audit log; the unwrapped response and its caller are', async () => {
    let server = await openLevelServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    await server.data('POST', 'kv/a', { password: 'opensesame' })
    const headers = { 'X-Vault-Token': server.token, 'X-Vault-Wrap-TTL': '5m' }
    const { token, accessor } = infoOf(await server.call('GET', '/v1/kv/a', undefined, headers))
    server = await restarted(server)
    await unseal(server)
    const opened = await server.call('POST', '/v1/sys/wrapping/unwrap', undefined, { 'X-Vault-Token': token })
    expect(opened.body['data']).to.deep.equal({ password: 'opensesame' })
    await server.running.stop()
    const log = readFileSync(`${server.folder}/audit.log`, 'utf8')
    for (const secret of ['opensesame', token, accessor]) expect(log.includes(secret), secret).to.equal(false)
    const lines = log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Readonly<Record<string, Body>>)
    const answers = lines.filter((line) => line['response'])
    const wrapping = answers.find((line) => line['response']?.['wrap_info'])?.['response'] as Body
    const info = wrapping['wrap_info'] as Readonly<Record<string, unknown>>
    expect(wrapping).not.to.have.property('data')
    expect(info).to.include({ ttl: 300, creation_path: 'kv/a' })
    const unwrapping = answers.find((line) => line['request']?.['path'] === 'sys/wrapping/unwrap')
    expect(info['token'])
      .to.match(/^hmac-sha256:/)
      .and.equal(unwrapping?.['request']?.['client_token'])
    expect(info['accessor']).to.equal(unwrapping?.['request']?.['client_token_accessor'])
    expect((unwrapping?.['response']?.['data'] as Body | undefined)?.['password']).to.match(/^hmac-sha256:/)
  })
})
