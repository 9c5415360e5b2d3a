import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../src/server/start.ts'
import { temporaryFolder } from '../support/folder.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

/** Flaws of others in what policies and configuration say, each named by its number. */
describe('HCL that other servers have accepted', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  it('Vault 2.1: an attribute set twice in a policy is refused with both positions, and nothing is stored', async () => {
    const twice = [
      ['path "a" {\n capabilities = ["read"]\n capabilities = ["deny"]\n}', 3, 2],
      ['name = "x"\nname = "y"\npath "a" { capabilities = ["read"] }', 2, 1],
      ['path "a" {\n capabilities = ["update"]\n allowed_parameters = { "x" = ["1"]\n "x" = ["2"] }\n}', 4, 3],
      ['{"path": {"a": {"capabilities": ["read"],\n"capabilities": ["deny"]}}}', 2, 1],
    ] as const
    for (const [policy, second, first] of twice) {
      const { status, text } = await server.call('PUT', '/v1/sys/policies/acl/twice', { policy })
      expect(status, policy).to.equal(400)
      expect(text, policy).to.match(new RegExp(`line ${second}\\b.*twice.*line ${first}\\b`))
      expect((await server.call('GET', '/v1/sys/policies/acl/twice')).status).to.equal(404)
    }
  })

  it('Vault 2.1: so is one in the configuration, and there is no server then', async () => {
    const rest = 'storage "inmem" {}\nlistener "tcp" {\n address = "127.0.0.1:0"\n tls_disable = true\n'
    const twice = [
      [`log_level = "info"\nlog_level = "warn"\n${rest}}`, 2, 1],
      [`${rest} address = "127.0.0.1:1"\n}`, 5, 3],
    ] as const
    for (const [text, second, first] of twice) {
      const config = join(temporaryFolder(), 'strongroom.hcl')
      writeFileSync(config, text)
      const refusal = await startServer({ config: [config], log: () => {} }).then(
        async (running) => running.stop().then(() => 'started'),
        (thrown: unknown) => String(thrown),
      )
      expect(refusal).to.match(new RegExp(`line ${second}\\b.*twice.*line ${first}\\b`))
    }
  })

  it('OpenBao 2.7 (control groups): no field of them is accepted without effect, and there is no route of them', async () => {
    const rules = [
      'control_group = { factor = 1 }',
      'control_group { factor "x" { approvals = 1 } }',
      'control_group = null',
    ]
    for (const rule of rules) {
      const policy = `path "a" {\n capabilities = ["read"]\n ${rule}\n}`
      const { status, text } = await server.call('PUT', '/v1/sys/policies/acl/group', { policy })
      expect(status, text).to.equal(400)
    } // prettier-ignore
    for (const path of ['control-group/request', 'control-group/authorize', 'config/control-group'])
      for (const method of ['GET', 'POST', 'DELETE'])
        expect((await server.call(method, `/v1/sys/${path}`, method === 'POST' ? {} : undefined)).status, path).to.be.oneOf([404, 405]) // prettier-ignore
  })
})
