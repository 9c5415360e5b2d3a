import { expect } from 'chai'
import { makeNamespace, inside, tokenIn } from '../../support/requests/namespaces.ts'
import { operationsOf } from '../../support/requests/operations.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('namespaces, seen from outside', function () {
  this.timeout(60_000)
  let server: TestServer
  before(async () => {
    server = await devServer()
    for (const path of ['team4711', 'closed', 'team4711/below']) await makeNamespace(server, path)
    await server.data('POST', 'sys/namespaces/api-lock/lock/closed')
  })
  after(async () => server.running.stop())

  const verbs = ['GET', 'LIST', 'POST', 'PUT', 'DELETE', 'SCAN']
  const paths = ['sys/mounts', 'sys/namespaces', 'sys/namespaces/x', 'sys/internal/ui/mounts', 'sys/internal/ui/mounts/kv', 'sys/internal/ui/namespaces', 'sys/wrapping/lookup', 'sys/wrapping/unwrap', 'sys/seal-status', 'sys/leader', 'sys/health', 'sys/unseal', 'sys/init', 'sys/rekey/init', 'sys/decode-token', 'sys/generate-root/attempt', 'sys/nothing', 'nothing/at/all', 'secret/data/x', 'auth/token/create', 'auth/token/lookup-self', 'auth/none/login', 'cubbyhole/x', 'sys/namespaces/api-lock/unlock', 'sys/policies/acl/%20x'] // prettier-ignore

  const areAlike = async (method: string, path: string, token: string | undefined): Promise<void> => {
    const shown = token === undefined ? {} : { 'X-Vault-Token': token }
    const answers = async (spelled: (namespace: string) => readonly [string, Readonly<Record<string, string>>]) =>
      Promise.all(
        ['team4711', 'closed', 'nowhere', 'team4711/below', 'team4711/nowhere', 'closed/nowhere'].map(
          async (namespace) => {
            const [prefix, headers] = spelled(namespace)
            const { status, text, headers: got } = await server.call(method, `/v1/${prefix}${path}`, undefined, { ...shown, ...headers }) // prettier-ignore
            const plain = text.replaceAll(/"(request_id|nonce)":"[^"]*"|"server_time_utc":\d+/g, '').replaceAll(namespace, 'N') // prettier-ignore
            return `${status} ${plain} ${Object.keys(got).sort().join()}`
          },
        ),
      )
    for (const all of [
      await answers((namespace) => ['', { 'X-Vault-Namespace': namespace }]),
      await answers((namespace) => [`${namespace}/`, {}]),
    ])
      expect(new Set(all), `${method} ${path} ${token}: ${all.join('\n')}`).to.have.length(1)
  }

  it('CVE-2020-25594: get the same response without a valid token, whether they exist, are locked or nested, or do not exist', async () => {
    for (const path of paths)
      for (const method of verbs)
        for (const token of [undefined, 'no-token-of-ours']) await areAlike(method, path, token)
  })

  it('are all alike on every route that there is', async () => {
    const document = await server.call('GET', '/v1/sys/internal/specs/openapi')
    const operations = operationsOf(document.body)
    expect(operations.length).to.be.greaterThan(100)
    for (const { method, path } of operations)
      await areAlike(method, path.slice(1).replaceAll(/\{\w+\}/g, 'x'), undefined)
  })

  it('a locked one does not hide how the server is', async () => {
    for (const path of ['seal-status', 'leader'])
      for (const headers of [{}, { 'X-Vault-Token': 'root' }])
        expect((await server.call('GET', `/v1/sys/${path}`, undefined, { ...headers, 'X-Vault-Namespace': 'closed' })).status, path).to.equal(200) // prettier-ignore
  })

  it('have different responses for the owner of a token', async () => {
    const get = async (namespace: string): Promise<number> =>
      (await server.call('GET', '/v1/sys/mounts', undefined, { 'X-Vault-Token': 'root', 'X-Vault-Namespace': namespace })).status // prettier-ignore
    expect([await get('team4711'), await get('closed'), await get('nowhere')]).to.deep.equal([200, 503, 404])
  })

  it('a rule about cubbyhole/* of one namespace holds for paths of that one only', async () => {
    const rule = (path: string): string => `path "${path}" { capabilities = ["create", "read", "update"] }`
    const own = await server.tokenWith(rule('cubbyhole/*'))
    const below = await server.tokenWith(rule('team4711/cubbyhole/*'))
    const put = async (token: string, namespace: string): Promise<number> =>
      (await server.call('PUT', '/v1/cubbyhole/x', { a: 1 }, { 'X-Vault-Token': token, 'X-Vault-Namespace': namespace })).status // prettier-ignore
    expect([await put(own, ''), await put(own, 'team4711'), await put(below, ''), await put(below, 'team4711')]).to.deep.equal([204, 403, 403, 204]) // prettier-ignore
  })

  it('capabilities of a token of a child namespace are shown for paths from here', async () => {
    const { client_token: token, accessor } = await tokenIn(
      server,
      'team4711',
      'path "kv/a" { capabilities = ["read"] }',
    )
    const asked = { paths: ['team4711/kv/a', '/team4711/kv/a', 'team4711/kv/b', 'kv/a', 'team4711/below/kv/a'] }
    const told = await server.data('POST', 'sys/capabilities', { ...asked, token })
    expect(asked.paths.map((path) => told[path])).to.deep.equal([['read'], ['read'], ['deny'], ['deny'], ['deny']])
    const here = await inside(server, 'team4711', 'POST', 'sys/capabilities-accessor', { paths: ['kv/a'], accessor })
    expect(here['kv/a']).to.deep.equal(['read'])
  })
})
