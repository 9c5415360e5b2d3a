import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect } from 'chai'
import { leaveOut } from '../../support/leave-out.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

type Middleware = (context: Context, next: () => Promise<void>) => Promise<void>
interface Context {
  readonly path: string
  readonly req: unknown
  readonly res: unknown
}
/** What is used of the package `oidc-provider`, which has no types of its own. */
interface RealProvider {
  callback(): RequestListener
  use(middleware: Middleware): void
  interactionFinished(request: unknown, response: unknown, result: unknown): Promise<void>
  interactionDetails(request: unknown, response: unknown): Promise<{ readonly prompt: { readonly name: string; readonly details: Body }; readonly params: Body; readonly session?: Body }> // prettier-ignore
  readonly Grant: new (of: Body) => { addOIDCScope(scope: string): void; save(): Promise<string> }
}

const redirectUri = 'http://localhost:8250/oidc/callback'

/** A certified OpenID provider, which the tests neither wrote nor configured for us. */
describe('oidc with the package oidc-provider', () => {
  let server: TestServer
  let http: Server
  let issuer = ''
  before(async function () {
    const name: string = 'oidc-provider'
    const module = await import(name).catch(() => undefined) as { readonly default: new (issuer: string, settings: Body) => RealProvider } | undefined // prettier-ignore
    if (!module) leaveOut(this, 'the package oidc-provider is not installed: npm ci')
    http = createServer()
    await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
    issuer = `http://127.0.0.1:${(http.address() as AddressInfo).port}`
    const provider = new module.default(issuer, settings)
    provider.use(agreeing(provider))
    http.on('request', provider.callback())
    server = await devServer()
    await server.data('POST', 'sys/auth/oidc', { type: 'oidc' })
  })
  after(async () => {
    await server?.running.stop()
    http?.closeAllConnections()
    http?.close()
  })

  const configure = async (id: string) =>
    server.data('POST', 'auth/oidc/config', { oidc_discovery_url: issuer, oidc_client_id: id, oidc_client_secret: 'example', default_role: 'people' }) // prettier-ignore

  for (const id of ['basic', 'post'])
    it(`logs in a person, with a client that authenticates itself with client_secret_${id}`, async () => {
      await configure(id)
      await server.data('POST', 'auth/oidc/role/people', {
        user_claim: 'sub',
        allowed_redirect_uris: redirectUri,
        oidc_scopes: 'profile',
        groups_claim: 'groups',
        claim_mappings: { name: 'name' },
        max_age: '1h',
      })
      const begun = { redirect_uri: redirectUri, client_nonce: 'mine' }
      const { body } = await server.call('POST', '/v1/auth/oidc/oidc/auth_url', begun, {})
      const back = await browse((body['data'] as { readonly auth_url: string }).auth_url)
      back.searchParams.set('client_nonce', 'mine')
      const path = `/v1/auth/oidc/oidc/callback${back.search}`
      const reply = await server.call('GET', path, undefined, {})
      expect(reply.status, reply.text).to.equal(200)
      expect((reply.body['auth'] as Body)['metadata']).to.deep.equal({ role: 'people', name: 'Anna' })
      expect((await server.call('GET', path, undefined, {})).status).to.equal(400)
    })
})

const settings: Body = {
  clients: ['basic', 'post'].map((way) => ({
    client_id: way,
    client_secret: 'example',
    redirect_uris: [redirectUri],
    application_type: 'native',
    token_endpoint_auth_method: `client_secret_${way}`,
  })),
  claims: { openid: ['sub'], profile: ['name', 'groups'] },
  pkce: { required: () => true },
  findAccount: async (_: unknown, id: string) => ({
    accountId: id,
    claims: async () => ({ sub: id, name: 'Anna', groups: ['red'] }),
  }),
  cookies: { keys: ['example'] },
  features: { devInteractions: { enabled: false } },
}

/** A person who logs in as `anna`, and agrees to whatever is asked. */
const agreeing =
  (provider: RealProvider): Middleware =>
  async (context, next) => {
    if (!context.path.startsWith('/interaction/')) return next()
    const { prompt, params, session } = await provider.interactionDetails(context.req, context.res)
    if (prompt.name === 'login')
      return provider.interactionFinished(context.req, context.res, { login: { accountId: 'anna' } })
    const grant = new provider.Grant({ accountId: session?.['accountId'], clientId: params['client_id'] })
    grant.addOIDCScope(String(params['scope']))
    return provider.interactionFinished(context.req, context.res, { consent: { grantId: await grant.save() } })
  }

/** Follows redirects with cookies, as a browser does, up to the redirect URI. */
async function browse(start: string): Promise<URL> {
  const cookies = new Map<string, string>()
  let url = new URL(start)
  for (let hops = 0; hops < 20; hops++) {
    if (url.href.startsWith(redirectUri)) return url
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const page = await fetch(url, { redirect: 'manual', headers: { cookie } })
    for (const one of page.headers.getSetCookie()) {
      const [name = '', value = ''] = (one.split(';')[0] ?? '').split(/=(.*)/s)
      cookies.set(name, value)
    }
    const location = page.headers.get('location')
    if (location === null) throw new Error(`${page.status} ${await page.text()}`)
    url = new URL(location, url)
  }
  throw new Error('the provider redirects without end')
}
