import { createServer } from 'node:net'
import { expect } from 'chai'
import { freePort } from '../../../support/free-port.ts'
import { IdentityProvider, takesBrowsers } from '../../../support/services/identity-provider.ts'
import type { Callback } from '../../../support/services/identity-provider.ts'
import { jwtKey } from '../../../support/jwt.ts'
import { devServer } from '../../../support/server.ts'
import type { TestServer } from '../../../support/server.ts'
import { Shell } from '../../support.ts'

describe('login -method=oidc', () => {
  const key = jwtKey()
  const client = { id: 'strongroom', secret: 'example' }
  let provider: IdentityProvider
  let server: TestServer
  let agrees: (authUrl: string) => Callback
  let port: number
  before(async () => {
    server = await devServer()
    provider = await IdentityProvider.start()
    provider.publish({ one: key })
    agrees = takesBrowsers(provider, client, {
      key,
      claims: () => ({ sub: 'anna', iat: Math.floor(Date.now() / 1000) }),
    })
    port = await freePort('localhost')
    await server.data('POST', 'sys/auth/oidc', { type: 'oidc' })
    await server.data('POST', 'auth/oidc/config', { oidc_discovery_url: provider.url, oidc_client_id: client.id, oidc_client_secret: client.secret }) // prettier-ignore
    await server.data('POST', 'auth/oidc/role/people', { user_claim: 'sub', allowed_redirect_uris: `http://localhost:${port}/oidc/callback` }) // prettier-ignore
  })
  after(async () => {
    await server.running.stop()
    await provider.stop()
  })

  /** Runs the command; `browser` goes where it is told to. */
  async function login(browser: (url: string) => Promise<void>, words = 'role=people') {
    const shell = new Shell({ VAULT_ADDR: server.running.address })
    let going: Promise<void> | undefined
    shell.hears = (text) => {
      const url = /http\S+\/authorize\S+/.exec(text)?.[0]
      if (url !== undefined) going ??= browser(url)
    }
    const outcome = await shell.run(`login -method=oidc -no-store ${words} port=${port}`)
    await going
    return outcome
  }
  const pages: string[] = []
  const visit = async (url: string, form?: URLSearchParams): Promise<number> => {
    const page = await fetch(url, form ? { method: 'POST', body: form } : {})
    expect(page.headers.get('content-type')).to.match(/^text\/plain/)
    pages.push(await page.text())
    return page.status
  }

  it('waits for the browser, and completes the login that it began, and no other', async () => {
    const { code, out, err } = await login(async (url) => {
      const { redirectUri, ...query } = agrees(url)
      for (const wrong of [`${redirectUri}?state=other&code=x`, redirectUri, redirectUri.replace('callback', 'other')])
        expect(await visit(wrong)).to.equal(404)
      expect(await visit(`${new URL(redirectUri).origin}//`)).to.equal(404)
      expect(await visit(`${redirectUri}?${new URLSearchParams(query).toString()}`)).to.equal(200)
    })
    expect(code, err).to.equal(0)
    expect(out)
      .to.match(/Success! You are now authenticated/)
      .and.match(/token_meta_role +people|role +people/)
    expect(pages.at(-1)).to.match(/You are logged in/)
  })

  it('takes a form as well, as with oidc_response_mode=form_post', async () => {
    const { code, err } = await login(async (url) => {
      const { redirectUri, ...query } = agrees(url)
      expect(await visit(redirectUri, new URLSearchParams(query))).to.equal(200)
    })
    expect(code, err).to.equal(0)
  })

  it('fails with the reason when the provider or the server refuses', async () => {
    const refused = await login(async (url) => {
      const { redirectUri, state } = agrees(url)
      expect(await visit(`${redirectUri}?state=${state}&error=access_denied`)).to.equal(400)
    })
    expect([refused.code, /access_denied/.test(refused.err)], refused.err).to.deep.equal([2, true])
    const unknown = await login(async () => {}, 'role=nobody')
    expect([unknown.code, /could not be found/.test(unknown.err)], unknown.err).to.deep.equal([2, true])
    const shell = new Shell({ VAULT_ADDR: server.running.address })
    expect((await shell.run('login -method=oidc port=0')).code).to.equal(1)
  })

  it('says when its port is in use', async () => {
    const taken = createServer()
    await new Promise<void>((done) => taken.listen(port, 'localhost', done))
    const { code, err } = await login(async () => {})
    await new Promise((done) => taken.close(done))
    expect([code, /is in use/.test(err)], err).to.deep.equal([2, true])
  })
})
