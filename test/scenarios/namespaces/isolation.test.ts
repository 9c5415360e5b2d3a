import { expect } from 'chai'
import { ask, inside, makeNamespace, spellings, tokenIn } from '../../support/requests/namespaces.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

/** Three levels, siblings on each, and names that begin alike. */
const places = ['', 'a', 'a/b', 'a/b/c', 'a/bb', 'aa', 'z', 'z/b'] as const
const everything = `path "*" { capabilities = ["create", "read", "update", "patch", "delete", "list", "scan", "sudo"] }`

/** What a request shows of the namespace that it was answered in; compared with what its name says. */
interface Kind {
  readonly what: string
  readonly request: readonly [method: string, path: string, body?: unknown]
  /** Taken from the answer; `place` where it should come from. */
  readonly from: (reply: Reply) => unknown
  readonly want: (place: string) => unknown
}

const data = (reply: Reply): Body => (reply.body['data'] ?? {}) as Body
const keys = (reply: Reply): unknown => data(reply)['keys']
/** Names of namespaces directly inside. */
const childrenOf = (place: string): string[] =>
  places
    .filter((one) => one !== '' && one.split('/').slice(0, -1).join('/') === place)
    .map((one) => `${one.split('/').at(-1) ?? ''}/`)
const tag = (place: string): string => (place === '' ? 'top' : place.replaceAll('/', '-'))

const kinds: readonly Kind[] = [
  { what: 'a secret', request: ['GET', 'kv/x'], from: (reply) => data(reply)['of'], want: (place) => place },
  { what: 'a list of secrets', request: ['GET', 'kv?list=true'], from: keys, want: (place) => [`only-${tag(place)}`, 'x'] },
  { what: 'its mounts', request: ['GET', 'sys/mounts'], from: (reply) => Object.keys(data(reply)).sort(), want: (place) => ['cubbyhole/', 'identity/', 'kv/', `m-${tag(place)}/`, ...(place === '' ? ['secret/'] : []), 'sys/'].sort() },
  { what: 'a mount', request: ['GET', 'sys/mounts/kv'], from: (reply) => data(reply)['description'], want: (place) => `of ${place}` },
  { what: 'its login methods', request: ['GET', 'sys/auth'], from: (reply) => data(reply)['token/'] && 1, want: () => 1 },
  { what: 'a policy', request: ['GET', 'sys/policies/acl/who'], from: (reply) => data(reply)['policy'], want: (place) => `# ${place}` },
  { what: 'a password policy', request: ['GET', 'sys/policies/password/who'], from: (reply) => String(data(reply)['policy']).split('\n')[0], want: (place) => `# ${place}` },
  { what: 'the namespaces inside', request: ['GET', 'sys/namespaces?list=true'], from: (reply) => keys(reply) ?? [], want: childrenOf },
  { what: 'the namespaces for a user interface', request: ['GET', 'sys/internal/ui/namespaces'], from: (reply) => keys(reply) ?? [], want: childrenOf },
  { what: 'the mounts for a user interface', request: ['GET', 'sys/internal/ui/mounts'], from: (reply) => Object.keys(data(reply)['secret'] as Body).filter((path) => path.startsWith('m-')), want: (place) => [`m-${tag(place)}/`] },
  { what: 'a token role', request: ['GET', 'auth/token/roles/who'], from: (reply) => data(reply)['path_suffix'], want: (place) => `of-${tag(place)}` },
  { what: 'the accessors', request: ['GET', 'auth/token/accessors?list=true'], from: (reply) => (keys(reply) as string[]).map((one) => one.split('.')[1] ?? '').filter((one, at, all) => all.indexOf(one) === at).length, want: () => 1 },
  { what: 'the leases', request: ['GET', 'sys/leases/lookup/auth/token/create?list=true'], from: (reply) => (keys(reply) as string[]).filter((one) => one.endsWith('/')), want: (place) => [`lease-${tag(place)}/`] },
  { what: 'the number of tokens', request: ['GET', 'sys/internal/counters/tokens'], from: (reply) => typeof ((data(reply)['counters'] as Body)['service_tokens'] as Body)['total'], want: () => 'number' },
  { what: 'an explanation of its policies', request: ['POST', 'sys/policies/explain', { policies: ['who'], path: 'kv/x' }], from: (reply) => data(reply)['allowed'], want: () => false },
  { what: 'a made-up password', request: ['GET', 'sys/policies/password/who/generate'], from: (reply) => /^[xy]{9}$/.test(String(data(reply)['password'])), want: () => true },
] // prettier-ignore

describe('namespaces are apart', () => {
  let server: TestServer
  const tokens = new Map<string, string>()
  const accessors = new Map<string, string>()
  const leases = new Map<string, string>()

  before(async () => {
    server = await devServer()
    for (const place of places) {
      if (place !== '') await makeNamespace(server, place)
      const here = async (method: string, path: string, body?: unknown) => inside(server, place, method, path, body)
      await here('POST', 'sys/mounts/kv', { type: 'kv', description: `of ${place}` })
      await here('POST', `sys/mounts/m-${tag(place)}`, { type: 'kv' })
      await here('POST', 'kv/x', { of: place })
      await here('POST', `kv/only-${tag(place)}`, { of: place })
      await here('PUT', 'sys/policies/acl/who', { policy: `# ${place}` })
      await here('PUT', 'sys/policies/password/who', {
        policy: `# ${place}\nlength = 9\nrule "charset" { charset = "xy" }`,
      })
      await here('POST', 'auth/token/roles/who', { path_suffix: `of-${tag(place)}` })
      await here('POST', `auth/token/roles/lease-${tag(place)}`, {})
      const leased = await ask(server, { header: place, prefix: '' }, 'root', 'POST', `auth/token/create/lease-${tag(place)}`, { policies: ['who'], no_default_policy: true }) // prettier-ignore
      const { accessor } = leased.body['auth'] as { readonly accessor: string }
      accessors.set(place, accessor)
      const folder = `auth/token/create/lease-${tag(place)}`
      const listed = await here('GET', `sys/leases/lookup/${folder}?list=true`)
      leases.set(place, `${folder}/${String((listed['keys'] as string[])[0])}`)
      tokens.set(place, (await tokenIn(server, place, everything, { no_parent: true })).client_token)
    }
  })
  after(async () => server.running.stop())

  /** The slow twin: a token works in its own namespace and in those below, whatever its policies say. */
  const mayReach = (home: string, place: string): boolean =>
    home === '' || place === home || place.startsWith(`${home}/`)

  for (const { what, request, from, want } of kinds)
    it(`CVE-2020-10661: ${what}: each token sees its own namespace and those below, by header, by path, by both`, async () => {
      const [method, path, body] = request
      for (const home of places)
        for (const place of places)
          for (const spelling of spellings(place)) {
            const reply = await ask(server, spelling, tokens.get(home) ?? '', method, path, body)
            const about = `token of "${home}", ${method} ${path} in "${place}" as ${JSON.stringify(spelling)}`
            if (mayReach(home, place)) {
              const empty = reply.status === 404 && JSON.stringify(want(place)) === '[]'
              expect(empty ? 200 : reply.status, about).to.equal(200)
            } else expect(reply.status, about).to.equal(403)
            if (mayReach(home, place)) {
              const seen = from(reply)
              expect(seen, about).to.deep.equal(want(place))
            } else expect(reply.text, about).to.not.match(/"of"|m-|only-|lease-/)
          }
    })

  it('CVE-2020-10661: nothing is changed where a token does not belong', async () => {
    const writes = [
      ['POST', 'kv/x', { of: 'a thief' }],
      ['DELETE', 'kv/x'],
      ['PUT', 'sys/policies/acl/who', { policy: '# a thief' }],
      ['DELETE', 'sys/policies/acl/who'],
      ['POST', 'sys/mounts/new', { type: 'kv' }],
      ['DELETE', 'sys/mounts/kv'],
      ['POST', 'sys/remount', { from: 'kv', to: 'kv2' }],
      ['POST', 'sys/mounts/kv/tune', { description: 'a thief' }],
      ['POST', 'sys/namespaces/new', {}],
      ['POST', 'sys/namespaces/api-lock/lock', {}],
      ['POST', 'auth/token/create', {}],
      ['POST', 'auth/token/roles/who', { path_suffix: 'thief' }],
      ['POST', 'sys/leases/revoke-prefix/auth', {}],
      ['PUT', 'sys/policies/password/who', { policy: 'length = 9\nrule "charset" { charset = "yz" }' }],
    ] as const
    for (const home of places)
      for (const place of places.filter((one) => !mayReach(home, one)))
        for (const spelling of spellings(place))
          for (const [method, path, body] of writes) {
            const { status } = await ask(server, spelling, tokens.get(home) ?? '', method, path, body)
            expect(status, `${home} ${place} ${method} ${path}`).to.equal(403)
          }
    for (const place of places) {
      expect(await inside(server, place, 'GET', 'kv/x')).to.deep.equal({ of: place })
      expect((await inside(server, place, 'GET', 'sys/policies/acl/who'))['policy']).to.equal(`# ${place}`)
      expect((await inside(server, place, 'GET', 'sys/mounts/kv'))['description']).to.equal(`of ${place}`)
    }
  })

  it('CVE-2026-40264: accessors work in the namespace of their token only, even for a token that reaches both', async () => {
    for (const place of places)
      for (const owner of places) {
        const accessor = accessors.get(owner)
        for (const path of ['lookup-accessor', 'renew-accessor'] as const) {
          const reply = await ask(server, { header: place, prefix: '' }, 'root', 'POST', `auth/token/${path}`, { accessor }) // prettier-ignore
          expect(reply.status, `${path} of "${owner}" in "${place}"`).to.equal(place === owner ? 200 : 400)
        }
        const asked = { accessor, paths: ['kv/x'] }
        const reply = await ask(server, { header: place, prefix: '' }, 'root', 'POST', 'sys/capabilities-accessor', asked) // prettier-ignore
        expect(reply.status).to.equal(place === owner ? 200 : 400)
        if (place === owner) continue
        const revoked = await ask(server, { header: place, prefix: '' }, 'root', 'POST', 'auth/token/revoke-accessor', { accessor }) // prettier-ignore
        expect(revoked.body['warnings']).to.deep.equal(['No token found with this accessor'])
      }
    for (const owner of places)
      expect((await inside(server, owner, 'POST', 'auth/token/lookup-accessor', { accessor: accessors.get(owner) }))['accessor']).to.equal(accessors.get(owner)) // prettier-ignore
  })

  it('CVE-2026-40264, CVE-2026-45808: so do leases, however they are named', async () => {
    for (const place of places)
      for (const owner of places.filter((one) => one !== place)) {
        const lease_id = leases.get(owner) ?? ''
        const here = async (path: string, body: unknown) =>
          ask(server, { header: place, prefix: '' }, 'root', 'POST', `sys/leases/${path}`, body)
        expect((await here('lookup', { lease_id })).status).to.equal(400)
        expect((await here('renew', { lease_id })).status).to.equal(400)
        expect((await here(`renew/${lease_id}`, {})).status).to.equal(400)
        await here('revoke', { lease_id })
        await here(`revoke/${lease_id}`, {})
        await here(`revoke-prefix/auth/token/create/lease-${tag(owner)}`, {})
        await here(`revoke-force/${lease_id}`, {})
      }
    for (const owner of places)
      expect((await inside(server, owner, 'POST', 'sys/leases/lookup', { lease_id: leases.get(owner) }))['id']).to.equal(leases.get(owner)) // prettier-ignore
  })

  it('a token looks itself up, renews and revokes itself from anywhere, and is never taken for another', async () => {
    for (const home of ['', 'a/b', 'z'])
      for (const place of places)
        for (const spelling of spellings(place)) {
          const { client_token: token, accessor } = await tokenIn(server, home, '# nothing', {
            no_default_policy: false,
          })
          const found = await ask(server, spelling, token, 'GET', 'auth/token/lookup-self')
          expect([found.status, data(found)['accessor']], `${home} in ${place}`).to.deep.equal([200, accessor])
          expect(data(found)['namespace_path']).to.equal(home === '' ? undefined : `${home}/`)
          expect((await ask(server, spelling, token, 'POST', 'auth/token/renew-self', {})).status).to.equal(200)
          expect((await ask(server, spelling, token, 'POST', 'auth/token/revoke-self', {})).status).to.equal(204)
          expect((await ask(server, spelling, token, 'GET', 'auth/token/lookup-self')).status).to.equal(403)
        }
  })

  it('routes of the whole server exist only in the root namespace, for every verb, with or without a token', async () => {
    const paths = [
      'sys/audit', 'sys/audit/x', 'sys/audit-hash/x', 'sys/config/cors', 'sys/config/ui/headers', 'sys/config/state/sanitized', 'sys/config/auditing/request-headers',
      'sys/generate-root/attempt', 'sys/generate-root-token/attempt', 'sys/health', 'sys/host-info', 'sys/in-flight-req', 'sys/init', 'sys/key-status', 'sys/loggers', 'sys/metrics',
      'sys/quotas/config', 'sys/quotas/rate-limit/x', 'sys/rekey/init', 'sys/rotate', 'sys/rotate/config', 'sys/rotate/root/init', 'sys/seal', 'sys/step-down', 'sys/unseal',
    ] // prettier-ignore
    for (const path of paths)
      for (const method of ['GET', 'POST', 'DELETE'])
        for (const spelling of [...spellings('a'), ...spellings('a/b')].filter(
          ({ header, prefix }) => header + prefix !== '',
        ))
          for (const token of ['root', tokens.get('a') ?? '', '']) {
            const reply = await ask(server, spelling, token, method, path, method === 'POST' ? {} : undefined)
            // A path that leads into a namespace says nothing to those who must not know that there is one.
            const want = token === '' && spelling.prefix !== '' ? 403 : 400
            expect([reply.status, path], JSON.stringify(spelling)).to.deep.equal([want, path])
          }
    expect((await server.call('GET', '/v1/sys/seal-status', undefined, { 'X-Vault-Namespace': 'a' })).status).to.equal(
      200,
    )
    expect((await server.call('GET', '/v1/sys/health')).status).to.equal(200)
  })
})
