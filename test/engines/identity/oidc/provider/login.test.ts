import { expect } from 'chai'
import * as client from 'openid-client'
import { HandClock } from '../../../../support/clock.ts'
import { makeNamespace, inside } from '../../../../support/requests/namespaces.ts'
import { devServer } from '../../../../support/server.ts'
import type { Body, TestServer } from '../../../../support/server.ts'
import { base, person } from '../support.ts'
import { app, callback } from './support.ts'

/** openid-client, unmodified, over HTTP: all that a test does for it is what the login page does with the browser. */
describe('an OIDC provider, to openid-client', () => {
  const clock = new HandClock(Date.now())
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', `${base}/scope/profile`, {
      template: '{"name":{{identity.entity.name}},"team":{{identity.entity.metadata.team}}}',
    })
    await server.data('POST', `${base}/scope/groups`, { template: '{"groups":{{identity.entity.groups.names}}}' })
    await server.data('POST', `${base}/provider/default`, { scopes_supported: 'profile,groups' })
  })
  after(async () => server.running.stop())

  const configured = async (path: string, id: string, secret?: string, how?: client.ClientAuth) =>
    client.discovery(new URL(`${server.running.address}/v1/${path}`), id, secret, how ?? client.None(), {
      execute: [client.allowInsecureRequests],
    })

  /** What the page behind the authorization endpoint does for somebody who has logged in. */
  const page = async (url: URL, token: string): Promise<URL> => {
    const path = url.pathname.replace('/ui/vault/', '/v1/')
    const { body, text } = await server.call('GET', path + url.search, undefined, { 'X-Vault-Token': token })
    expect(body['code'], text).to.be.a('string')
    const back = new URL(String(url.searchParams.get('redirect_uri')))
    back.searchParams.set('code', String(body['code']))
    back.searchParams.set('state', String(body['state']))
    return back
  }

  const login = async (
    config: client.Configuration,
    token: string,
    redirect: string,
    more: Record<string, string> = {},
  ) => {
    const codeVerifier = client.randomPKCECodeVerifier()
    const [state, nonce] = [client.randomState(), client.randomNonce()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: redirect,
      scope: 'openid profile groups',
      code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
      state,
      nonce,
      ...more,
    })
    const checks = { pkceCodeVerifier: codeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
    const maxAge = more['max_age'] === undefined ? {} : { maxAge: Number(more['max_age']) }
    return client.authorizationCodeGrant(config, await page(url, token), { ...checks, ...maxAge })
  }

  const provider = `${base}/provider/default`

  it('logs somebody in to a confidential client, by HTTP Basic and by the form', async () => {
    const anna = await person(server, 'anna')
    await server.data('POST', `identity/entity/id/${anna.entity}`, { name: 'anna', metadata: { team: 'red' } })
    await server.data('POST', 'identity/group', { name: 'crew', member_entity_ids: [anna.entity] })
    const { id, secret } = await app(server, 'web')
    for (const how of [client.ClientSecretBasic(secret), client.ClientSecretPost(secret)]) {
      const config = await configured(provider, id, secret, how)
      const tokens = await login(config, anna.token, callback, { max_age: '600' })
      const claims = tokens.claims()
      expect(claims?.sub).to.equal(anna.entity)
      expect(claims?.['name']).to.equal('anna')
      expect(claims?.['groups']).to.deep.equal(['crew'])
      expect(claims?.auth_time).to.be.closeTo(clock.now() / 1000, 60)
      const info = await client.fetchUserInfo(config, tokens.access_token, anna.entity)
      expect(info).to.deep.equal({ sub: anna.entity, name: 'anna', team: 'red', groups: ['crew'] })
    }
  })

  for (const algorithm of ['RS384', 'ES256', 'ES512', 'EdDSA'])
    it(`logs somebody in with tokens signed with ${algorithm}`, async () => {
      const bob = await person(server, `bob-${algorithm}`)
      await server.data('POST', `${base}/key/${algorithm}`, { algorithm, allowed_client_ids: '*' })
      const { id, secret } = await app(server, `web-${algorithm}`, { key: algorithm })
      const config = await client.discovery(
        new URL(`${server.running.address}/v1/${provider}`),
        id,
        { id_token_signed_response_alg: algorithm },
        client.ClientSecretBasic(secret),
        { execute: [client.allowInsecureRequests] },
      )
      const tokens = await login(config, bob.token, callback)
      expect(tokens.claims()?.sub).to.equal(bob.entity)
    })

  it('logs somebody in to a public client on his machine, whatever its port', async () => {
    const carla = await person(server, 'carla')
    const { id, secret } = await app(server, 'native', {
      client_type: 'public',
      redirect_uris: ['http://127.0.0.1/callback'],
    })
    expect(secret).to.equal(undefined)
    const config = await configured(provider, id)
    const tokens = await login(config, carla.token, 'http://127.0.0.1:39123/callback')
    expect(tokens.claims()?.sub).to.equal(carla.entity)
  })

  it('gives a client a token about itself', async () => {
    const { id, secret } = await app(server, 'machine', { client_credentials: true, authorization_code: false })
    const config = await configured(provider, id, secret, client.ClientSecretBasic(secret))
    const tokens = await client.clientCredentialsGrant(config, { scope: 'openid' })
    expect(tokens.expires_in).to.equal(86_400)
    expect(tokens.id_token).to.equal(undefined)
    const { id: other, secret: its } = await app(server, 'person-only')
    const refused = await configured(provider, other, its, client.ClientSecretBasic(its))
    const failure = await client.clientCredentialsGrant(refused, { scope: 'openid' }).catch((thrown: unknown) => thrown)
    expect((failure as client.ResponseBodyError).error).to.equal('unauthorized_client')
  })

  it('logs somebody in at the provider of a namespace', async () => {
    await makeNamespace(server, 'shop')
    const dora = await person(server, 'dora', '', 'shop')
    await inside(server, 'shop', 'POST', `${base}/client/web`, { redirect_uris: [callback], assignments: 'allow_all' })
    const { body } = await server.call('GET', `/v1/shop/${base}/client/web`)
    const { client_id: id, client_secret: secret } = body['data'] as Body
    const config = await configured(
      `shop/${provider}`,
      String(id),
      String(secret),
      client.ClientSecretBasic(String(secret)),
    )
    const tokens = await login(config, dora.token, callback)
    expect(tokens.claims()?.sub).to.equal(dora.entity)
    const info = await client.fetchUserInfo(config, tokens.access_token, dora.entity)
    expect(info.sub).to.equal(dora.entity)
  })
})
