import { expect } from 'chai'
import { Shell } from '../../cli/support.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const app = `path "secret/data/*" { capabilities = ["read"] }
path "secret/data/app/+" { capabilities = ["list"] }
path "secret/data/private/*" { capabilities = ["deny"] }`

describe('sys/policies/explain', () => {
  let server: TestServer
  let token = ''
  let accessor = ''
  before(async () => {
    server = await devServer()
    await server.data('PUT', 'sys/policies/acl/app', { policy: app })
    const { body } = await server.call('POST', '/v1/auth/token/create', { policies: ['app'] })
    const auth = body['auth'] as { readonly client_token: string; readonly accessor: string }
    ;[token, accessor] = [auth.client_token, auth.accessor]
  })
  after(async () => server.running.stop())

  const as = async (bearer: string, asked: Body, path = 'explain') =>
    server.call('POST', `/v1/sys/policies/${path}`, asked, { 'X-Vault-Token': bearer })
  const told = async (bearer: string, asked: Body, path = 'explain'): Promise<Body> => {
    const { status, body, text } = await as(bearer, asked, path)
    expect(status, text).to.equal(200)
    return body['data'] as Body
  }
  const update = { path: 'secret/data/app/a', operation: 'update' }

  it("explains a caller's own denial and the remedy, without names of policies", async () => {
    expect(await told(token, update, 'explain-self')).to.deep.equal({
      ...update,
      allowed: false,
      ground: 'no_capability',
      reason: 'the deciding rule does not give the capability "update"',
      considered: [
        { path: 'secret/data/app/+', policies: [], unnamed_policies: 1, capabilities: ['list'], behind: null },
        {
          path: 'secret/data/*',
          policies: [],
          unnamed_policies: 1,
          capabilities: ['read'],
          behind: 'its first wildcard is further left',
        },
      ],
      left_out: [
        { path: 'identity/entity/id/{{identity.entity.id}}', policy: null, why: 'template' },
        { path: 'identity/entity/name/{{identity.entity.name}}', policy: null, why: 'template' },
      ],
      suggestion: 'path "secret/data/app/a" {\n  capabilities = ["list", "update"]\n}\n',
    })
    expect((await as(token, update)).status, 'that of others needs a right').to.equal(403)
  })

  it('names policies to callers with the right to read them', async () => {
    for (const asked of [
      { ...update, accessor },
      { ...update, policies: ['app'] },
    ]) {
      const { considered } = await told('root', asked)
      expect((considered as readonly Body[])[0]).to.deep.include({ path: 'secret/data/app/+', policies: ['app'] })
    }
    expect(await told('root', { path: 'anything', operation: 'delete' })).to.include({ allowed: true, ground: 'root' })
  })

  it('shows no policy to a caller without the right to read it', async () => {
    const asker = await server.tokenWith('path "sys/policies/explain" { capabilities = ["update"] }')
    const { considered, suggestion, left_out: leftOut } = await told(asker, { ...update, accessor })
    expect(considered).to.deep.equal([
      { path: null, policies: [], unnamed_policies: 1, capabilities: [], behind: null },
      {
        path: null,
        policies: [],
        unnamed_policies: 1,
        capabilities: [],
        behind: 'its first wildcard is further left',
      },
    ])
    expect([leftOut, suggestion]).to.deep.equal([[], 'path "secret/data/app/a" {\n  capabilities = ["update"]\n}\n'])
    for (const policies of [['app'], ['default', 'app'], ['none']])
      expect((await as(asker, { ...update, policies })).status).to.equal(403)
    const { considered: own } = await told(asker, { path: 'sys/policies/explain', operation: 'read' })
    expect(own, 'his own, but he may not ask for resultant-acl').to.deep.equal([
      { path: null, policies: [], unnamed_policies: 1, capabilities: [], behind: null },
    ])
  })

  it('agrees with the decisions of the server', async () => {
    for (const [path, operation, method] of [
      ['secret/data/x', 'read', 'GET'],
      ['secret/data/private/x', 'read', 'GET'],
      ['secret/data/x', 'delete', 'DELETE'],
      ['sys/mounts', 'read', 'GET'],
      ['sys/health', 'read', 'GET'],
      ['auth/token/lookup-self', 'read', 'GET'],
      ['sys/audit', 'read', 'GET'],
    ] as const) {
      const { allowed } = await told(token, { path, operation }, 'explain-self')
      const { status } = await server.call(method, `/v1/${path}`, undefined, { 'X-Vault-Token': token })
      expect(status === 403, `${method} ${path}: ${status}`).to.equal(!allowed)
    }
  })

  it('knows which paths need sudo, and which need no token', async () => {
    const rules = 'path "sys/audit" { capabilities = ["read"] }\npath "sys/policies/*" { capabilities = ["update"] }'
    const half = await server.tokenWith(rules)
    const asked = { path: '/v1/sys/audit', operation: 'read' }
    const explained = await told(half, asked, 'explain-self')
    expect(explained).to.include({ allowed: false, ground: 'no_sudo' })
    expect(explained['suggestion']).to.include('"sudo"')
    const full = await server.tokenWith(`${rules}\n${String(explained['suggestion'])}`)
    expect(await told(full, asked, 'explain-self')).to.include({ allowed: true })
    expect(await told(half, { path: 'sys/seal-status' }, 'explain-self')).to.include({ ground: 'public' })
  })

  it("in a namespace: policies are those of the token's namespace, and paths are relative to it", async () => {
    await server.data('POST', 'sys/namespaces/eu')
    const inside = { 'X-Vault-Token': 'root', 'X-Vault-Namespace': 'eu' }
    await server.call('PUT', '/v1/sys/policies/acl/app', { policy: 'path "kv/*" { capabilities = ["list"] }' }, inside)
    const { body } = await server.call('POST', '/v1/auth/token/create', { policies: ['app'] }, inside)
    const local = body['auth'] as { readonly client_token: string; readonly accessor: string }
    const asked = { path: 'kv/a', operation: 'read' }
    const ask = async (bearer: string, more: Body = {}, path = 'explain') =>
      server.call('POST', `/v1/sys/policies/${path}`, { ...asked, ...more }, { ...inside, 'X-Vault-Token': bearer })
    const suggested = async (...how: Parameters<typeof ask>) => ((await ask(...how)).body['data'] as Body)['suggestion']
    const own = 'path "kv/a" {\n  capabilities = ["list", "read"]\n}\n'
    expect(await suggested(local.client_token, {}, 'explain-self')).to.equal(own)
    expect(await suggested('root', { accessor: local.accessor })).to.equal(own)
    expect(await suggested('root', { policies: ['app'] })).to.equal(own)
    expect((await ask('root', { accessor })).status, 'a token of the namespace above').to.equal(400)
    const above = await server.tokenWith(
      'path "eu/sys/policies/explain" { capabilities = ["update"] }\npath "sys/internal/ui/resultant-acl" { capabilities = ["read"] }',
    )
    expect(await suggested(above)).to.equal('path "eu/kv/a" {\n  capabilities = ["read"]\n}\n')
    expect((await ask(above, { policies: ['app'] })).status).to.equal(403)
    const outside = await server.call('POST', '/v1/sys/policies/explain-self', asked, {
      'X-Vault-Token': local.client_token,
    })
    expect(outside.status).to.equal(403)
  })

  it('refuses invalid questions', async () => {
    for (const asked of [
      {},
      { path: '' },
      { path: 'a/../b' },
      { path: 'a', operation: 'write' },
      { path: 'a', operation: 'sudo' },
      { path: 'a', parameters: 'x' },
      { path: 'a', wrap_ttl: 'soon' },
      { path: 'a', accessor, policies: ['app'] },
      { path: 'a', accessor: 'none' },
      { path: 'a', policies: ['none'] },
    ])
      expect((await as('root', asked)).status, JSON.stringify(asked)).to.equal(400)
    expect((await server.call('POST', '/v1/sys/policies/explain-self', { path: 'a' }, {})).status).to.equal(403)
  })

  it('strongroom policy explain', async () => {
    const shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: token })
    const { code, out } = await shell.run('policy explain update secret/data/app/a data=x')
    expect(code, out).to.equal(0)
    expect(out).to.equal(`Denied: the deciding rule does not give the capability "update".

Rule                 Gives     Policies       Rank
----                 -----     --------       ----
secret/data/app/+    [list]    1 not named    decides
secret/data/*        [read]    1 not named    behind: its first wildcard is further left

Rules that do not apply now:
  identity/entity/id/{{identity.entity.id}}: its template refers to an identity that the token does not have
  identity/entity/name/{{identity.entity.name}}: its template refers to an identity that the token does not have

This would allow it:

path "secret/data/app/a" {
  capabilities = ["list", "update"]
}
`)
    shell.env['VAULT_TOKEN'] = 'root'
    const json = await shell.run(`policy explain -accessor=${accessor} -format=json read secret/data/x`)
    expect(JSON.parse(json.out)).to.include({ allowed: true, ground: 'granted' })
    expect((await shell.run('policy explain -policy=app -field=allowed list secret/data/app/a')).out).to.equal('false')
    expect((await shell.run('policy explain write secret/data/x')).code).to.equal(1)
    expect((await shell.run('policy explain -policy=none read a')).code).to.equal(2)
  })
})
