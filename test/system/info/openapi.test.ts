import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

interface Operation {
  readonly operationId: string
  readonly summary: string
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}
interface Schema {
  readonly properties: Readonly<Record<string, Body>>
}
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

describe('the OpenAPI description', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/keys', { type: 'transit' })
  })
  after(async () => server.running.stop())

  async function pathsFor(token?: string, query = ''): Promise<Paths> {
    const headers = token === undefined ? {} : { 'X-Vault-Token': token }
    const reply = await server.call('GET', `/v1/sys/internal/specs/openapi${query}`, undefined, headers)
    expect(reply.status).to.equal(200)
    expect(Object.keys(reply.body)).to.include.members(['components', 'info', 'openapi', 'paths'])
    expect(reply.body['openapi']).to.match(/^3\./)
    return reply.body['paths'] as Paths
  }

  it('has every mount, with the fields that its routes read', async () => {
    const paths = await pathsFor('root')
    expect(paths).to.include.keys('/sys/mounts', '/sys/mounts/{path}', '/keys/encrypt/{name}', '/secret/data/{path}')
    const { post } = paths['/keys/encrypt/{name}'] as Readonly<Record<string, Operation>>
    const schema = post?.requestBody?.content['application/json']?.schema.properties
    expect(schema?.['key_version']).to.include({ type: 'integer' })
    expect(Object.keys(schema ?? {}))
      .to.include('plaintext')
      .and.not.to.include('name')
  })

  it('is complete: every parameter of a path is listed once, and every operation has its own name', async () => {
    const names = new Set<string>()
    for (const query of ['', '?generic_mount_paths=true'])
      for (const [path, verbs] of Object.entries(await pathsFor('root', query)))
        for (const { operationId, summary, parameters } of Object.values(verbs)) {
          const inPath = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
          expect(inPath, path).to.have.members([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string))
          expect(new Set(parameters.map(({ name }) => name)).size, path).to.equal(parameters.length)
          expect(summary, path).to.match(/\.$/)
          expect(names.has(query + operationId), operationId).to.equal(false)
          names.add(query + operationId)
        }
  })

  it('shows a list as a GET that needs list=true, unless the path can be read too', async () => {
    const paths = await pathsFor('root')
    const list = (path: string) => paths[path]?.['get']?.parameters.find(({ name }) => name === 'list')
    expect(list('/auth/token/accessors')).to.include({ in: 'query', required: true })
    expect(list('/secret/metadata/{path}')).to.include({ required: false })
  })

  it('shows no mount that the caller does not reach, and without a token only public paths', async () => {
    const paths = Object.keys(await pathsFor(await server.tokenWith('path "secret/*" { capabilities = ["read"] }')))
    expect(paths).to.include('/secret/data/{path}').and.to.include('/sys/health')
    expect(paths.filter((path) => path.startsWith('/keys/'))).to.deep.equal([])
    const open = Object.keys(await pathsFor())
    expect(open).to.include('/sys/health').and.not.to.include('/sys/mounts')
    // Every namespace has identity/: its public routes tell nothing of what is mounted.
    expect(open.filter((path) => !/^\/(?:sys|identity\/oidc)\//.test(path))).to.deep.equal([])
    const bad = await server.call('GET', '/v1/sys/internal/specs/openapi', undefined, { 'X-Vault-Token': 'nonsense' })
    expect(bad.status).to.equal(403)
  })

  it('names parameters in place of mounts if asked to', async () => {
    const paths = await pathsFor('root', '?generic_mount_paths=true')
    expect(paths).to.include.keys('/{transit_mount_path}/encrypt/{name}', '/{kv_mount_path}/data/{path}', '/sys/mounts')
    expect(Object.keys(paths).filter((path) => path.startsWith('/keys/'))).to.deep.equal([])
  })
})
