import { expect } from 'chai'
import { ApiServer } from '../../support/services/api-server.ts'
import { certificate } from '../../support/certificate.ts'
import { HandClock } from '../../support/clock.ts'
import { jwtKey } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

describe('kubernetes', () => {
  const clock = new HandClock()
  const key = jwtKey('RS256')
  const web = { namespace: 'shop', name: 'web', uid: '474b11b5-0f20-4f9d-8ca5-65715ab325e0' }
  const bounds = { bound_service_account_names: 'web', bound_service_account_namespaces: 'shop' }
  let api: ApiServer
  let server: TestServer
  let mount = ''
  let mounts = 0
  before(async () => {
    server = await devServer(clock)
    api = await ApiServer.start()
  })
  after(async () => {
    await server.running.stop()
    await api.provider.stop()
  })
  beforeEach(async () => {
    mount = mounts++ === 0 ? 'kubernetes' : `k8s${mounts}`
    api.reset()
    api.reviewers.add('reviewer-token')
    await server.data('POST', `sys/auth/${mount}`, { type: 'kubernetes' })
  })

  const post = async (path: string, data: Body): Promise<Reply> => server.call('POST', `/v1/auth/${mount}/${path}`, data) // prettier-ignore
  const configure = async (more: Body = {}): Promise<void> => {
    const config = { kubernetes_host: api.provider.url, kubernetes_ca_cert: api.provider.ca, token_reviewer_jwt: 'reviewer-token', ...more } // prettier-ignore
    const reply = await post('config', config)
    expect(reply.status, reply.text).to.equal(204)
  }
  const role = async (data: Body = {}, name = 'web'): Promise<void> => {
    const reply = await post(`role/${name}`, { ...bounds, ...data })
    expect(reply.status, reply.text).to.equal(204)
  }
  const now = (): number => Math.floor(clock.now() / 1000)
  const login = async (jwt: string, name = 'web'): Promise<Reply> => post('login', { role: name, jwt })

  it('a pod logs in, and gets token, alias and metadata of its service account', async () => {
    await configure()
    await role({ token_policies: 'reader', token_ttl: '10m' }, 'Web')
    const jwt = api.issue(web, key, now())
    const reply = await server.call('POST', '/v1/auth/kubernetes/login', { role: 'WEB', jwt }, {})
    expect(reply.status, reply.text).to.equal(200)
    const auth = reply.body['auth'] as Body
    const metadata = {
      service_account_uid: web.uid,
      service_account_name: 'web',
      service_account_namespace: 'shop',
      service_account_secret_name: '',
    }
    expect(auth).to.deep.include({ lease_duration: 600, policies: ['default', 'reader'], renewable: true, metadata: { ...metadata, role: 'web' } }) // prettier-ignore
    const { aliases } = await server.data('GET', `identity/entity/id/${String(auth['entity_id'])}`)
    expect((aliases as readonly Body[])[0]).to.deep.include({ name: web.uid, metadata })
    const own = await server.call('GET', '/v1/auth/token/lookup-self', undefined, { 'X-Vault-Token': String(auth['client_token']) }) // prettier-ignore
    expect((own.body['data'] as Body)['display_name']).to.equal(`${mount}-shop-web`)
    expect(api.asked.map(({ bearer, spec }) => [bearer, spec?.audiences])).to.deep.equal([
      ['reviewer-token', undefined],
    ])
  })

  it('an older token, which lies in a secret and does not expire, counts as long as the API server says so', async () => {
    await configure()
    await role({ alias_name_source: 'serviceaccount_name' })
    const claim = (name: string): string => `kubernetes.io/serviceaccount/${name}`
    const claims = {
      iss: 'kubernetes/serviceaccount',
      [claim('namespace')]: 'shop',
      [claim('secret.name')]: 'web-token-abcde',
      [claim('service-account.name')]: 'web',
      [claim('service-account.uid')]: web.uid,
      sub: 'system:serviceaccount:shop:web',
    }
    const token = api.issue(web, key, now(), claims)
    const reply = await login(token)
    expect(reply.status, reply.text).to.equal(200)
    const { metadata, entity_id: entity } = reply.body['auth'] as Body
    expect((metadata as Body)['service_account_secret_name']).to.equal('web-token-abcde')
    const { aliases } = await server.data('GET', `identity/entity/id/${String(entity)}`)
    expect((aliases as readonly Body[])[0]).to.include({ name: 'shop/web' })
    api.withdraw(token)
    expect((await login(token)).status).to.equal(403)
  })

  it('refuses logins with a missing or malformed part, without a request to the API server', async () => {
    const token = api.issue(web, key, now())
    const cases: readonly (readonly [Body, number, string])[] = [
      [{}, 400, 'missing role'],
      [{ role: 'web' }, 400, 'missing jwt'],
      [{ role: 'web', jwt: ' ' }, 400, 'missing jwt'],
      [{ role: 'nope', jwt: token }, 400, 'invalid role name "nope"'],
      [{ role: '../config', jwt: token }, 400, 'invalid role name "../config"'],
      [{ role: 'web', jwt: token }, 400, 'could not load backend configuration'],
    ]
    await role()
    for (const [body, status, message] of cases) {
      const reply = await post('login', body)
      expect([reply.status, reply.body['errors']]).to.deep.equal([status, [message]])
    }
    await configure()
    await role({ token_bound_cidrs: '10.0.0.0/8' }, 'far')
    const tokens: readonly (readonly [string, string, string])[] = [
      ['far', token, 'permission denied'],
      ['web', 'y', 'permission denied'],
      ['web', api.issue({ ...web, name: 'other' }, key, now()), 'service account name not authorized'],
      ['web', api.issue({ ...web, namespace: 'other' }, key, now()), 'namespace not authorized'],
      ['web', api.issue({ ...web, uid: '' }, key, now()), 'permission denied'],
      ['web', api.issue(web, key, now() - 3600), 'permission denied'],
      ['web', api.issue(web, key, now() + 3600), 'permission denied'],
    ]
    for (const [name, jwt, message] of tokens) {
      const reply = await login(jwt, name)
      expect([reply.status, reply.body['errors']]).to.deep.equal([403, [message]])
    }
    expect(api.asked).to.deep.equal([])
  })

  it('names and namespaces may be patterns, and nothing of a name that is no name reaches the API server', async () => {
    await configure()
    await role({ bound_service_account_names: 'web-*', bound_service_account_namespaces: '*' })
    expect((await login(api.issue({ ...web, name: 'web-a' }, key, now()))).status).to.equal(200)
    expect((await login(api.issue(web, key, now()))).status).to.equal(403)
    api.asked.length = 0
    for (const namespace of ['../../secrets', 'a/b', 'SHOP', '', 'a%2fb', 'x'.repeat(64), 7, null, ['shop']])
      expect((await login(api.issue({ ...web, name: 'web-a', namespace: namespace as string }, key, now()))).status).to.equal(403) // prettier-ignore
    expect(api.asked).to.deep.equal([])
  })

  it('the configuration is replaced as a whole, and never shows the token of the reviewer', async () => {
    const path = `/v1/auth/${mount}/config`
    expect((await server.call('GET', path)).status).to.equal(404)
    await configure({ issuer: 'https://issuer', pem_keys: [key.pem], disable_iss_validation: false })
    const shown = await server.call('GET', path)
    expect(shown.text).to.not.include('reviewer-token')
    expect(shown.body['data']).to.deep.equal({
      kubernetes_host: api.provider.url,
      kubernetes_ca_cert: api.provider.ca,
      token_reviewer_jwt_set: true,
      pem_keys: [key.pem],
      issuer: 'https://issuer',
      disable_iss_validation: false,
      disable_local_ca_jwt: false,
    })
    await configure({ token_reviewer_jwt: undefined })
    expect((await server.call('GET', path)).body['data']).to.include({ token_reviewer_jwt_set: false, issuer: '', disable_iss_validation: true }) // prettier-ignore
  })

  it('refuses an invalid configuration, and keeps the previous one', async () => {
    await configure()
    const { cert } = certificate()
    const good = { kubernetes_host: 'https://10.0.0.1', kubernetes_ca_cert: cert }
    const wrong: readonly (readonly [Body, RegExp])[] = [
      [{}, /no host provided/],
      [{ ...good, kubernetes_host: 'nonsense' }, /no http or https address/],
      [{ ...good, kubernetes_host: 'http://10.0.0.1' }, /use https/],
      [{ ...good, kubernetes_host: 'https://10.0.0.1/?a=b' }, /query/],
      [{ ...good, kubernetes_ca_cert: 'garbage' }, /no certificates/],
      [{ ...good, kubernetes_ca_cert: '' }, /without a value/],
      [{ kubernetes_host: 'https://10.0.0.1' }, /kubernetes_ca_cert must be given/],
      [{ kubernetes_host: 'https://10.0.0.1', disable_local_ca_jwt: true }, /must be given when disable_local_ca_jwt is true/], // prettier-ignore
      [{ ...good, pem_keys: 'garbage' }, /does not contain any valid public keys/],
      [{ ...good, pem_keys: Array.from({ length: 65 }, () => key.pem) }, /at most 64/],
      [{ ...good, token_reviewer_jwt: 'a\r\nHost: evil' }, /is no token/],
      [{ ...good, token_reviewer_jwt: ' ' }, /is no token/],
    ]
    for (const [body, message] of wrong) {
      const reply = await post('config', body)
      expect([reply.status, message.test(reply.text)], reply.text).to.deep.equal([400, true])
    }
    expect(await server.data('GET', `auth/${mount}/config`)).to.include({ kubernetes_host: api.provider.url })
  })

  it('a write of a role keeps omitted parameters, except the selector', async () => {
    const path = `auth/${mount}/role/web`
    expect((await server.call('GET', `/v1/${path}`)).status).to.equal(404)
    await role({ audience: 'vault', policies: 'b,a', ttl: '1h', num_uses: 3 })
    const shown = await server.data('GET', path)
    expect(shown).to.deep.include({ bound_service_account_names: ['web'], bound_service_account_namespace_selector: '', alias_name_source: 'serviceaccount_uid', audience: 'vault', policies: ['a', 'b'], ttl: 3600, num_uses: 3, token_num_uses: 3 }) // prettier-ignore
    await server.data('POST', path, { bound_service_account_namespace_selector: 'matchLabels:\n  team: red' })
    expect(await server.data('GET', path)).to.include({ bound_service_account_namespace_selector: 'matchLabels:\n  team: red', audience: 'vault' }) // prettier-ignore
    await server.data('POST', path, { token_ttl: '2h' })
    expect(await server.data('GET', path)).to.include({ bound_service_account_namespace_selector: '', token_ttl: 7200 })
    expect((await server.data('LIST', `auth/${mount}/role`))['keys']).to.deep.equal(['web'])
    await server.data('DELETE', path)
    expect((await server.call('LIST', `/v1/auth/${mount}/role`)).status).to.equal(404)
  })

  it('a role with a selector alone names no namespaces', async () => {
    const selector = { bound_service_account_namespace_selector: '{"matchLabels":{"team":"red"}}' }
    await server.data('POST', `auth/${mount}/role/web`, { bound_service_account_names: '*', ...selector })
    expect(await server.data('GET', `auth/${mount}/role/web`)).to.include({ bound_service_account_namespaces: null, ...selector }) // prettier-ignore
  })

  it('refuses a role that would accept everybody, or contradicts itself', async () => {
    const wrong: readonly (readonly [Body, RegExp])[] = [
      [{}, /bound_service_account_names.* can not be empty/],
      [{ bound_service_account_names: 'web' }, /bound_service_account_namespaces.* can not be empty/],
      [{ ...bounds, bound_service_account_names: 'web,*' }, /can not mix/],
      [{ ...bounds, bound_service_account_namespaces: 'shop,*' }, /can not mix/],
      [{ ...bounds, bound_service_account_names: '' }, /without a value/],
      [{ ...bounds, alias_name_source: 'x' }, /must be one of: serviceaccount_uid, serviceaccount_name/],
      [{ ...bounds, audience: '' }, /without a value/],
      [{ ...bounds, token_period: '9000h' }, /token_period/],
      ...['{x', '{}', '[]', 'x', '{"matchLabels":{}}', '{"matchLabels":{"a":1}}', '{"matchExpressions":[]}', '{"matchLabels":{"a":"b"},"matchExpressions":[]}', 'a: &a [x]\nmatchLabels: *a', 'x'.repeat(4097)].map((one) => [{ ...bounds, bound_service_account_namespace_selector: one }, /invalid .*bound_service_account_namespace_selector/] as const), // prettier-ignore
    ]
    for (const [body, message] of wrong) {
      const reply = await post('role/web', body)
      expect([reply.status, message.test(reply.text)], `${JSON.stringify(body)} ${reply.text}`).to.deep.equal([400, true]) // prettier-ignore
    }
    expect((await server.call('GET', `/v1/auth/${mount}/role/web`)).status).to.equal(404)
  })

  it('renews a token by the current role, and not without it', async () => {
    await configure()
    await role({ token_ttl: '10m' })
    const reply = await login(api.issue(web, key, now()))
    const token = String((reply.body['auth'] as Body)['client_token'])
    const renew = async (): Promise<Reply> => server.call('POST', '/v1/auth/token/renew-self', {}, { 'X-Vault-Token': token }) // prettier-ignore
    await role({ token_ttl: '20m' })
    expect(((await renew()).body['auth'] as Body)['lease_duration']).to.equal(1200)
    await server.data('DELETE', `auth/${mount}/role/web`)
    await role({ token_ttl: '20m' })
    const refused = await renew()
    expect([refused.status, /role of this token no longer exists/.test(refused.text)]).to.deep.equal([400, true])
  })
})
