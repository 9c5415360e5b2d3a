import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { kubernetesEngine } from '../../../src/auth/kubernetes/engine.ts'
import { ApiServer, reviews } from '../../support/services/api-server.ts'
import { certificate } from '../../support/certificate.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { sends } from '../../support/services/identity-provider.ts'
import { jwt, jwtKey, macJwt, unsignedJwt } from '../../support/jwt.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

describe('kubernetes and its API server', () => {
  const clock = new HandClock()
  const [key, other] = [jwtKey('RS256'), jwtKey('RS256')]
  const web = { namespace: 'shop', name: 'web', uid: 'uid-1' }
  const pod = mkdtempSync(join(temporaryFolder(), 'pod'))
  let api: ApiServer
  let server: TestServer
  let mount = ''
  let mounts = 0
  before(async () => {
    server = await devServer(clock, { engines: () => [{ ...kubernetesEngine(pod), type: 'kubernetes-in-pod' }] })
    api = await ApiServer.start()
  })
  after(async () => {
    await server.running.stop()
    await api.provider.stop()
  })
  beforeEach(async () => {
    mount = `k8s${mounts++}`
    api.reset()
    api.reviewers.add('reviewer-token')
    await server.data('POST', `sys/auth/${mount}`, { type: 'kubernetes-in-pod' })
    await configure()
    await role()
  })
  afterEach(() => {
    for (const name of ['ca.crt', 'token']) rmSync(join(pod, name), { force: true })
  })

  const configure = async (more: Body = {}): Promise<void> => {
    const config = { kubernetes_host: `${api.provider.url}/`, kubernetes_ca_cert: api.provider.ca, token_reviewer_jwt: 'reviewer-token', ...more } // prettier-ignore
    await server.data('POST', `auth/${mount}/config`, config)
  }
  const role = async (data: Body = {}, name = 'web'): Promise<void> => {
    await server.data('POST', `auth/${mount}/role/${name}`, { bound_service_account_names: 'web', bound_service_account_namespaces: 'shop', ...data }) // prettier-ignore
  }
  const now = (): number => Math.floor(clock.now() / 1000)
  const token = (more: Partial<typeof web> & { readonly audiences?: readonly string[] } = {}): string => api.issue({ ...web, ...more }, key, now()) // prettier-ignore
  const login = async (input = token(), name = 'web'): Promise<Reply> =>
    server.call('POST', `/v1/auth/${mount}/login`, { role: name, jwt: input }, {})
  const status = async (input = token()): Promise<number> => (await login(input)).status

  it('only the account that the API server confirms logs in', async () => {
    expect(await status()).to.equal(200)
    const shown = { ...web }
    const forged = jwt({ 'kubernetes.io': { namespace: 'shop', serviceaccount: shown }, exp: now() + 600 }, other)
    expect(await status(forged)).to.equal(403)
    const yes = { authenticated: true, user: { username: 'system:serviceaccount:shop:web', uid: 'uid-1' } }
    const answers: readonly Body[] = [
      { ...yes, authenticated: false },
      { ...yes, authenticated: 'true' },
      { user: yes.user },
      { ...yes, error: 'token has been invalidated' },
      { ...yes, user: { ...yes.user, uid: 'uid-2' } },
      { ...yes, user: { username: yes.user.username } },
      { ...yes, user: { ...yes.user, username: 'system:serviceaccount:shop:other' } },
      { ...yes, user: { ...yes.user, username: 'system:serviceaccount:shop:web:x' } },
      { ...yes, user: { ...yes.user, username: 'web' } },
      {},
    ]
    for (const answer of answers) {
      api.provider.answers.set(reviews, sends({ kind: 'TokenReview', status: answer }, 201))
      expect(await status(), JSON.stringify(answer)).to.equal(403)
    }
    api.provider.answers.set(reviews, sends({ kind: 'TokenReview', status: yes }, 201))
    expect(await status()).to.equal(200)
  })

  it('CVE-2024-5798: a token for somebody else does not log in, whether the role names an audience or not', async () => {
    const elsewhere = token({ audiences: ['https://elsewhere'] })
    expect(await status(elsewhere)).to.equal(403)
    expect(api.asked.at(-1)?.spec?.audiences).to.equal(undefined)
    await role({ audience: 'vault' })
    api.asked.length = 0
    expect([await status(elsewhere), await status()]).to.deep.equal([403, 403])
    expect(api.asked).to.deep.equal([])
    const ours = token({ audiences: ['vault', 'https://elsewhere'] })
    expect(await status(ours)).to.equal(200)
    expect(api.asked.map(({ spec }) => spec?.audiences)).to.deep.equal([['vault']])
    // A server that does not look at audiences says yes to everything.
    const yes = { authenticated: true, user: { username: 'system:serviceaccount:shop:web', uid: 'uid-1' } }
    for (const audiences of [undefined, [], ['https://elsewhere'], 'vault']) {
      api.provider.answers.set(reviews, sends({ kind: 'TokenReview', status: { ...yes, audiences } }, 201))
      expect(await status(ours)).to.equal(403)
    }
  })

  it('without a reviewer token, the token of the login authenticates its own review', async () => {
    await configure({ token_reviewer_jwt: undefined })
    const [allowed, forbidden] = [token(), token()]
    api.reviewers.add(allowed)
    expect([await status(allowed), await status(forbidden)]).to.deep.equal([200, allowed === forbidden ? 200 : 403])
    expect(api.asked[0]?.bearer).to.equal(allowed)
    api.reviewers.clear()
    expect(await status(allowed)).to.equal(403)
    api.withdraw(allowed)
    expect(await status(allowed)).to.equal(403)
  })

  it('keys verify signatures besides the review, with the algorithms of Kubernetes alone', async () => {
    await configure({ pem_keys: [other.pem, key.pem] })
    expect(await status()).to.equal(200)
    await configure({ pem_keys: [other.pem] })
    api.asked.length = 0
    const claims = { 'kubernetes.io': { namespace: 'shop', serviceaccount: web }, exp: now() + 600 }
    for (const input of [
      token(),
      unsignedJwt(claims),
      unsignedJwt(claims, 'RS256'),
      macJwt(claims, other.pem),
      jwt(claims, jwtKey('EdDSA')),
    ])
      // prettier-ignore
      expect(await status(input)).to.equal(403)
    expect(api.asked).to.deep.equal([])
  })

  it('the issuer is checked when that is not disabled: without one, it is that of old clusters', async () => {
    const issued = (iss: string): string =>
      api.issue(web, key, now(), { iss, exp: now() + 60, 'kubernetes.io': { namespace: 'shop', serviceaccount: web } })
    await configure({ disable_iss_validation: false, issuer: 'https://cluster' })
    expect([await status(issued('https://cluster')), await status(issued('https://evil'))]).to.deep.equal([200, 403])
    await configure({ disable_iss_validation: false })
    expect([await status(issued('kubernetes/serviceaccount')), await status(issued('https://cluster'))]).to.deep.equal([200, 403]) // prettier-ignore
  })

  it('a namespace may be chosen by its labels, which the reviewer reads once the token is confirmed', async () => {
    await role({ bound_service_account_namespaces: 'ops', bound_service_account_namespace_selector: '{"matchLabels":{"team":"red","tier":"1"}}' }) // prettier-ignore
    api.label('shop', { team: 'red', tier: '1', more: 'x' })
    expect(await status()).to.equal(200)
    expect(api.asked.map(({ path, bearer }) => [path, bearer])).to.deep.equal([[reviews, 'reviewer-token'], ['/api/v1/namespaces/shop', 'reviewer-token']]) // prettier-ignore
    for (const labels of [{ team: 'red' }, { team: 'blue', tier: '1' }, {}]) {
      api.label('shop', labels)
      expect((await login()).body['errors']).to.deep.equal(['namespace not authorized'])
    }
    api.asked.length = 0
    expect(await status(token({ namespace: 'ops' }))).to.equal(200)
    expect(await status(jwt({ 'kubernetes.io': { namespace: 'shop', serviceaccount: web }, exp: now() + 60 }, other))).to.equal(403) // prettier-ignore
    expect(api.asked.map(({ path }) => path)).to.deep.equal([reviews, reviews])
    api.provider.answers.set('/api/v1/namespaces/shop', sends({ kind: 'Namespace', metadata: { name: 'ops', labels: { team: 'red', tier: '1' } } })) // prettier-ignore
    expect(await status()).to.equal(503)
    api.provider.answers.delete('/api/v1/namespaces/shop')
    expect(await status()).to.equal(503)
  })

  it('labels are not read with the token that logs in', async () => {
    await configure({ token_reviewer_jwt: undefined })
    await role({ bound_service_account_namespace_selector: '{"matchLabels":{"team":"red"}}' })
    await role({ bound_service_account_namespaces: ['ops'], bound_service_account_namespace_selector: '{"matchLabels":{"team":"red"}}' }) // prettier-ignore
    const own = token()
    api.reviewers.add(own)
    api.label('shop', { team: 'red' })
    const reply = await login(own)
    expect([reply.status, /token_reviewer_jwt/.test(reply.text)]).to.deep.equal([403, true])
    expect(api.asked).to.have.length(1)
  })

  it('malformed and huge responses, redirects and wrong certificates are failures without details for the caller', async () => {
    const moved = sends({}, 307, { Location: 'https://127.0.0.1:1/' })
    const huge = sends(JSON.stringify({ kind: 'TokenReview', status: { authenticated: true, x: 'x'.repeat(1024 * 1024) } })) // prettier-ignore
    const failures = [sends('garbage'), sends('[]'), sends('{}'), sends({ kind: 'Status', status: 'Success' }), moved, huge, sends({}, 500), sends({}, 404)] // prettier-ignore
    for (const [at, answer] of failures.entries()) {
      api.provider.answers.set(reviews, answer)
      const reply = await login()
      expect([at, reply.status, /cannot be asked now/.test(reply.text)]).to.deep.equal([at, 503, true])
      expect(reply.text).to.not.match(/127\.0\.0\.1|garbage|status 5/)
    }
    await configure({ kubernetes_ca_cert: certificate().cert })
    expect(await status()).to.equal(503)
    await configure({ kubernetes_host: 'https://127.0.0.1:1' })
    expect(await status()).to.equal(503)
  })

  it('waits five seconds at most for the API server, with 64 logins at most', async () => {
    const arrivals: (() => void)[] = []
    let waitFor = 64
    const all = new Promise<void>((done) => {
      api.provider.answers.set(reviews, (_, response) => {
        arrivals.push(() => response.end('{}'))
        if (--waitFor === 0) done()
      })
    })
    const waiting = Array.from({ length: 64 }, async (_, n) => status(token({ uid: `uid-${n}` })))
    await all
    const refused = await login()
    expect([refused.status, /too many logins/.test(refused.text)]).to.deep.equal([503, true])
    clock.advance(5000)
    expect(new Set(await Promise.all(waiting))).to.deep.equal(new Set([503]))
    api.reset()
    api.reviewers.add('reviewer-token')
    expect(await status()).to.equal(200)
  })

  /** A login during which something happens while the API server is asked. */
  const during = async (happens: () => Promise<void>): Promise<Reply> => {
    const arrived = api.provider.arrival()
    let respond: () => void = () => {}
    const gate = new Promise<void>((done) => (respond = done))
    const user = { username: 'system:serviceaccount:shop:web', uid: 'uid-1' }
    api.provider.answers.set(reviews, (request, response) => {
      void gate.then(() =>
        sends({ kind: 'TokenReview', status: { authenticated: true, user } }, 201)(request, response),
      )
    })
    const reply = login()
    await arrived
    await happens()
    respond()
    return reply
  }

  it('a role that changes during the review applies as it is at the end', async () => {
    const changed = await during(async () => role({ token_policies: 'other' }))
    expect((changed.body['auth'] as Body)['policies']).to.deep.equal(['default', 'other'])
    expect((await during(async () => role({ bound_service_account_names: 'ann' }))).status).to.equal(403)
    await role()
    expect((await during(async () => role({ bound_service_account_namespaces: 'ops' }))).status).to.equal(403)
    await role()
    expect((await during(async () => role({ token_bound_cidrs: '10.0.0.0/8' }))).status).to.equal(403)
    await role({ token_bound_cidrs: [] })
    expect((await during(async () => role({ audience: 'vault' }))).status).to.equal(503)
    await server.data('DELETE', `auth/${mount}/role/web`)
    await role()
    expect((await during(async () => server.data('DELETE', `auth/${mount}/role/web`).then(() => {}))).status).to.equal(400) // prettier-ignore
    await role()
    expect((await during(async () => configure({ issuer: 'x' }))).status).to.equal(503)
  })

  it('in a pod, its certificates and its token are taken, as they are now, unless that is disabled', async () => {
    writeFileSync(join(pod, 'ca.crt'), api.provider.ca)
    writeFileSync(join(pod, 'token'), 'pod-token\n')
    api.reviewers.add('pod-token')
    await configure({ kubernetes_ca_cert: undefined, token_reviewer_jwt: undefined })
    expect([await status(), api.asked.at(-1)?.bearer]).to.deep.equal([200, 'pod-token'])
    writeFileSync(join(pod, 'token'), 'next-token')
    api.reviewers.add('next-token')
    expect([await status(), api.asked.at(-1)?.bearer]).to.deep.equal([200, 'next-token'])
    await configure({ token_reviewer_jwt: undefined, disable_local_ca_jwt: true })
    expect([await status(), api.asked.at(-1)?.bearer === 'next-token']).to.deep.equal([403, false])
    await configure({ kubernetes_ca_cert: undefined })
    writeFileSync(join(pod, 'ca.crt'), 'garbage')
    expect(await status()).to.equal(503)
  })

  it('no token of a pod or a reviewer is in the log of the server or in a response', async () => {
    api.provider.answers.set(reviews, sends({}, 500))
    const input = token()
    const reply = await login(input)
    expect(reply.text).to.not.include(input)
    expect((await server.call('GET', `/v1/auth/${mount}/config`)).text).to.not.include('reviewer-token')
  })
})
