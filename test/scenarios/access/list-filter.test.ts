import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const template = 'list_scan_response_keys_filter_path'

describe('filtered lists', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
    for (const name of ['a', 'b', 'c', 'e/x', 'e/y']) await server.data('POST', `kv/${name}`, { v: 1 })
  })
  after(async () => server.running.stop())

  const listed = async (rules: string, path = 'kv', method = 'LIST'): Promise<unknown> => {
    const token = await server.tokenWith(rules)
    const { status, body } = await server.call(method, `/v1/${path}`, undefined, { 'X-Vault-Token': token })
    return status === 200 ? (body['data'] as { keys: unknown }).keys : status
  }
  const filter = (text: string, more = '') =>
    `path "kv/" { capabilities = ["list", "scan"] ${template} = "${text}" }\n${more}`

  it('shows names that the caller may read, and folders that it may list', async () => {
    const more = 'path "kv/a" { capabilities = ["read"] }\npath "kv/e/*" { capabilities = ["list"] }'
    expect(await listed(filter('{{ .path }}{{ .key }}', more))).to.deep.equal(['a', 'e/'])
    expect(await listed(filter('{{.path}}{{.key}}', more), 'kv?list=true', 'GET')).to.deep.equal(['a', 'e/'])
    const denied = 'path "kv/*" { capabilities = ["read"] }\npath "kv/b" { capabilities = ["deny"] }'
    expect(await listed(filter('kv/{{ .key }}', denied), 'kv/')).to.deep.equal(['a', 'c'])
  })

  it('a recursive list is filtered as well', async () => {
    const more = 'path "kv/e/x" { capabilities = ["read"] }'
    expect(await listed(filter('kv/{{ .key }}', more), 'kv', 'SCAN')).to.deep.equal(['e/x'])
  })

  it('without anything to show the folder is not there', async () => {
    expect(await listed(filter('kv/{{ .key }}'))).to.equal(404)
    expect(await listed(filter('elsewhere/../kv/{{ .key }}', 'path "*" { capabilities = ["read"] }'))).to.equal(404)
  })

  it('a read that would need parameters, wrapping or sudo does not show a name', async () => {
    const needs = (what: string) => filter('kv/{{ .key }}', `path "kv/a" { capabilities = ["read"] ${what} }`)
    expect(await listed(needs(''))).to.deep.equal(['a'])
    expect(await listed(needs('required_parameters = ["x"]'))).to.equal(404)
    expect(await listed(needs('min_wrapping_ttl = 60'))).to.equal(404)
    const sudo = (capabilities: string) =>
      filter(
        'sys/config/auditing/request-headers/{{ .key }}',
        `path "sys/config/auditing/*" { capabilities = ${capabilities} }`,
      )
    expect(await listed(sudo('["read"]'))).to.equal(404)
    expect(await listed(sudo('["read", "sudo"]'))).to.deep.equal(['a', 'b', 'c'])
  })

  it('two policies with different filters must both let a name through', async () => {
    for (const [name, path] of [
      ['one', 'one'],
      ['two', 'two'],
    ] as const)
      await server.data('PUT', `sys/policies/acl/${name}`, { policy: filter(`${path}/{{ .key }}`) })
    await server.data('PUT', 'sys/policies/acl/grants', {
      policy: 'path "one/*" { capabilities = ["read", "list"] }\npath "two/b" { capabilities = ["read"] }',
    })
    const { body } = await server.call('POST', '/v1/auth/token/create', { policies: ['one', 'two', 'grants'] })
    const { client_token } = body['auth'] as { readonly client_token: string }
    const reply = await server.call('LIST', '/v1/kv', undefined, { 'X-Vault-Token': client_token })
    expect((reply.body['data'] as { keys: unknown }).keys).to.deep.equal(['b'])
  })

  it('a pagination limit of a policy on a list without pages gives a warning', async () => {
    const token = await server.tokenWith('path "kv/*" { capabilities = ["list"] pagination_limit = 2 }')
    const { body } = await server.call('LIST', '/v1/kv', undefined, { 'X-Vault-Token': token })
    expect(body['warnings']).to.deep.equal(['Endpoint ignored these unrecognized parameters: [limit]'])
  })

  it('refuses templates that cannot be enforced', async () => {
    for (const text of [
      'kv/fixed',
      '{{ .path',
      '{{ .key',
      '{{ .Key }}',
      '{{ .key | lower }}',
      '{{ .path }}',
      '}}{{ .key }}',
    ]) {
      const { status } = await server.call('PUT', '/v1/sys/policies/acl/bad', { policy: filter(text) })
      expect(status, text).to.equal(400)
    }
    const policy = `path "kv/" { capabilities = ["read"] ${template} = "kv/{{ .key }}" }`
    expect((await server.call('PUT', '/v1/sys/policies/acl/bad', { policy })).status).to.equal(400)
  })
})
