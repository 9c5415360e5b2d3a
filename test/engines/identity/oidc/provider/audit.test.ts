import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { openLevelServer } from '../../../../support/server.ts'
import type { TestServer } from '../../../../support/server.ts'
import { base, person, tokenRules } from '../support.ts'
import { Endpoints, app, verifier, challenge } from './support.ts'

describe('the audit log of OIDC', () => {
  let server: TestServer
  before(async () => {
    server = await openLevelServer()
    const options = { file_path: `${server.folder}/raw.log`, log_raw: 'true' }
    await server.data('PUT', 'sys/audit/raw', { type: 'file', options })
    await server.data('PUT', 'sys/config/auditing/request-headers/authorization', { hmac: true })
    await server.data('POST', `${base}/config`, { issuer: 'https://room.example' })
    await server.data('POST', `${base}/provider/default`, { issuer: 'https://room.example' })
  })
  after(async () => server.running.stop())

  it('has no code, verifier, client secret or token in clear, whatever the options of its devices', async () => {
    const { token } = await person(server, 'anna')
    const client = await app(server, 'web')
    const at = new Endpoints(server)
    const secrets = [String(client.secret)]
    for (const method of ['GET', 'POST']) {
      const pkce = { code_challenge: challenge, code_challenge_method: 'S256' }
      const { body } = await at.authorize(token, client, pkce, method)
      const basic = method === 'GET' ? `${client.id}:${client.secret}` : undefined
      const { body: given, text } = await at.token(client, { code: body['code'], code_verifier: verifier }, basic)
      expect(given['access_token'], text).to.be.a('string')
      expect((await at.userinfo(String(given['access_token']), method)).status).to.equal(200)
      const shown = Buffer.from(basic ?? 'basic').toString('base64')
      secrets.push(String(body['code']), String(given['access_token']), String(given['id_token']), verifier, shown)
    }
    await at.token(client, { code: 'x', client_secret: 'a wrong secret' })
    for (const file of ['audit.log', 'raw.log']) {
      const log = readFileSync(`${server.folder}/${file}`, 'utf8')
      expect(log.match(/oidc\/provider\/default\/(authorize|token|userinfo)/g)).to.have.length.greaterThan(12)
      for (const secret of [...secrets, 'a wrong secret'])
        expect(log.includes(secret), `${file} ${secret}`).to.equal(false)
    }
  })

  it('has no identity token in clear, neither where it is issued nor where it is introspected', async () => {
    await server.data('POST', `${base}/key/edges`, { algorithm: 'EdDSA', allowed_client_ids: '*' })
    await server.data('POST', `${base}/role/mail`, { key: 'edges' })
    const { token } = await person(server, 'bert', tokenRules)
    const headers = { 'X-Vault-Token': token }
    const { body, text } = await server.call('GET', `/v1/${base}/token/mail`, undefined, headers)
    const { token: jwt } = body['data'] as { token: string }
    expect(jwt, text).to.match(/^ey/)
    const told = await server.call('POST', `/v1/${base}/introspect`, { token: jwt })
    expect(told.body).to.deep.equal({ active: true })
    for (const file of ['audit.log', 'raw.log']) {
      const log = readFileSync(`${server.folder}/${file}`, 'utf8')
      expect(log)
        .to.match(/oidc\/token\/mail/)
        .and.match(/oidc\/introspect/)
      expect(log.includes(jwt), file).to.equal(false)
    }
  })
})
