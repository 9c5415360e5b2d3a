import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { ask, inside, makeNamespace, tokenIn } from '../../support/requests/namespaces.ts'
import { openLevelServer, restarted, unseal } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

interface Line {
  readonly type: string
  readonly auth: Body
  readonly request: Body
  readonly error?: string
}

describe('namespaces on LevelDB, with an audit log', () => {
  let server: TestServer
  let token = ''
  before(async () => {
    server = await openLevelServer()
    await makeNamespace(server, 'team/app')
    await inside(server, 'team/app', 'POST', 'sys/mounts/kv', { type: 'kv' })
    token = (await tokenIn(server, 'team', 'path "app/kv/*" { capabilities = ["create", "read", "update"] }'))
      .client_token
  })
  after(async () => server.running.stop())

  const lines = (): Line[] =>
    readFileSync(join(server.folder, 'audit.log'), 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line)
  const last = (): Line => lines().at(-1) as Line

  it('audit lines say where a request was judged, and by which namespace’s policy', async () => {
    const { id } = await inside(server, 'team', 'GET', 'sys/namespaces/app')
    const { id: above } = await inside(server, '', 'GET', 'sys/namespaces/team')
    for (const [header, prefix] of [
      ['team/app', ''],
      ['team', 'app/'],
      ['', 'team/app/'],
    ] as const) {
      await ask(server, { header, prefix }, token, 'PUT', 'kv/x', { a: 'b' })
      const { request, auth } = last()
      expect([request['namespace'], request['path']]).to.deep.equal([{ id, path: 'team/app/' }, 'kv/x'])
      const [granting] = (auth['policy_results'] as Body)['granting_policies'] as Body[]
      expect([granting?.['namespace_id'], granting?.['namespace_path']]).to.deep.equal([above, 'team/'])
    }
    await ask(server, { header: 'nowhere', prefix: '' }, token, 'GET', 'kv/x')
    expect(last().request['namespace']).to.deep.equal({ path: 'nowhere/' })
    await ask(server, { header: '', prefix: '' }, token, 'GET', 'sys/mounts')
    expect(last().request['namespace']).to.deep.equal({ id: 'root' })
    await ask(server, { header: '', prefix: '' }, token, 'GET', 'auth/token/lookup-self')
    expect(last().request['namespace']).to.deep.equal({ id: above, path: 'team/' })
  })

  it('a lock is in the log without its key', async () => {
    const { unlock_key: key } = await inside(server, 'team', 'POST', 'sys/namespaces/api-lock/lock/app', {})
    await ask(server, { header: 'team/app', prefix: '' }, token, 'GET', 'kv/x')
    expect(last().error).to.include('"team/app/" must be unlocked')
    await inside(server, 'team', 'POST', 'sys/namespaces/api-lock/unlock/app', { unlock_key: key })
    expect(readFileSync(join(server.folder, 'audit.log'), 'utf8')).to.not.include(String(key))
  })

  it('everything is there after a restart, and sealed there is none of it', async () => {
    server = await restarted(server)
    for (const [path, status] of [
      ['sys/seal-status', 200],
      ['sys/health', 400],
      ['sys/mounts', 503],
      ['team/app/kv/x', 503],
    ] as const) {
      const header = path.startsWith('team') ? '' : 'team/app'
      expect((await ask(server, { header, prefix: '' }, server.token, 'GET', path)).status, path).to.equal(status)
    }
    await unseal(server)
    expect(await inside(server, 'team/app', 'GET', 'kv/x', undefined, token)).to.deep.equal({ a: 'b' })
    expect((await ask(server, { header: '', prefix: '' }, token, 'GET', 'sys/mounts')).status).to.equal(403)
    const keys = (await inside(server, '', 'GET', 'sys/namespaces?scan=true'))['keys']
    expect(keys).to.deep.equal(['team/', 'team/app/'])
  })

  it('a filtered list is judged by the paths that the policy sees, in a namespace below as well', async () => {
    for (const name of ['mine', 'yours']) await inside(server, 'team/app', 'PUT', `kv/folder/${name}`, { a: 'b' })
    const filter = 'list_scan_response_keys_filter_path = "app/kv/folder/{{ .key }}"'
    const rules = `path "app/kv/folder/" { capabilities = ["list"]\n ${filter} }\npath "app/kv/folder/mine" { capabilities = ["read"] }`
    const { client_token: limited } = await tokenIn(server, 'team', rules)
    const reply = await ask(server, { header: 'team/app', prefix: '' }, limited, 'GET', 'kv/folder/?list=true')
    expect((reply.body['data'] as Body)['keys']).to.deep.equal(['mine'])
  })
})
