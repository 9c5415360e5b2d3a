import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../src/server/start.ts'
import { Shell } from '../cli/support.ts'
import { freePort } from '../support/free-port.ts'
import { keyFile, staticSeal } from '../support/seals.ts'
import { installedBao } from './programs/bao.ts'
import { Service } from './programs/service.ts'

const value = (source: string, type: string, more: string): string => `{ eval_source = "${source}" eval_type = "${type}" ${more} }` // prettier-ignore
const env = (name: string, type: string): string => value('env', type, `env_var = "${name}"`)

/** What both have to understand alike. */
const blocks = (file: string): string => `
initialize "people" {
  request "method" { operation = "update" path = "/sys/auth/userpass" data = { type = "userpass" } }
  request "policy" { operation = "create" path = "sys/policies/acl/all" data { policy = "path \\"*\\" { capabilities = [\\"create\\", \\"read\\", \\"update\\", \\"delete\\", \\"list\\", \\"sudo\\"] }" } }
  request "anna" { operation = "update" path = "auth/userpass/users/anna" data = { password = ${env('BOOT_PASSWORD', 'string')} token_policies = ["all"] } }
  request "login" { operation = "update" token = "" path = "auth/userpass/login/anna"
    data = { password = ${value('request', 'string', 'initialize_name = "people" request_name = "anna" field_selector = ["map", "password"]')} } }
}
initialize "skipped" {
  when = false
  request "never" { operation = "update" path = "sys/mounts/never" data = { type = "kv" } }
}
initialize "values" {
  request "mount" { operation = "update" path = "sys/mounts/kv" data = { type = "kv" options = { version = "1" } } }
  request "again" { operation = "update" path = "sys/mounts/kv" data = { type = "kv" } allow_failure = true }
  request "one" { operation = "update" path = "kv/one" data {
    block { x = 1 }
    list = ["a", ${env('BOOT_NUMBER', 'string')}, { b = ${env('BOOT_NUMBER', 'int')} }]
    number = 12 half = 1.5 truth = true
    texts = ${env('BOOT_NUMBER', '[]string')}
    float = ${env('BOOT_NUMBER', 'float64')}
    none = ${env('NOBODY_SET_THIS', 'string')}
    text = ${value('file', 'string', `path = "${file}"`)}
    bytes = ${value('file', 'any', `path = "${file}"`)}
    sent = ${value('request', 'any', 'initialize_name = "values" request_name = "mount" field_selector = ["map", "options"]')}
    cel = ${value('cel', 'string', `expression = "requests.values.mount.path + '!'"`)}
    template = ${value('template', 'string', 'template = "{{ .x | truncate 3 | uppercase }} {{ .x | base64 }} {{- \\" y\\" }} {{ if eq .x \\"abc\\" }}no{{ else }}{{ index .requests \\"values\\" \\"mount\\" \\"path\\" | sha256 }}{{ end }}" data = { x = "abcdef" }')}
  } }
  request "read" { operation = "read" path = "kv/one" token = ${value('response', 'string', 'initialize_name = "people" response_name = "login" field_selector = ["auth", "client_token"]')} }
  request "list" { operation = "list" path = "kv/" }
  request "two" { operation = "update" path = "kv/two" data {
    list = ${value('response', 'any', 'initialize_name = "values" response_name = "list" field_selector = ["data", "keys"]')}
    number = ${value('response', 'any', 'initialize_name = "values" response_name = "read" field_selector = ["data", "number"]')}
  } }
}
`

describe('OpenBao 2.6.2, unmodified, and initialize blocks', function () {
  this.timeout(120_000)
  const variables = { BOOT_PASSWORD: 'changed-later', BOOT_NUMBER: '42' }
  let bao = ''
  before(async function () {
    bao = await installedBao(this)
    Object.assign(process.env, variables)
  })
  after(() => {
    for (const name of Object.keys(variables)) delete process.env[name]
  })

  it('boots as we do from one file, and our plan finds nothing to do on either', async () => {
    const service = new Service()
    const file = join(service.folder, 'text')
    writeFileSync(file, 'a text\n')
    const [ours, theirs] = [await freePort(), await freePort()]
    const configured = (name: string, port: number): string => {
      const config = join(service.folder, name)
      const listener = `listener "tcp" {\n address = "127.0.0.1:${port}"\n tls_disable = true\n}`
      const seal = staticSeal(keyFile(service.folder, 'key'))
      writeFileSync(config, `storage "inmem" {}\n${listener}\napi_addr = "http://127.0.0.1:${port}"\n${seal}\n${blocks(file)}`) // prettier-ignore
      return config
    }
    const config = configured('ours.hcl', ours)
    const server = await startServer({ config: [config], log: () => undefined })
    const words = Object.entries(variables).map(([name, text]) => `${name}=${text}`)
    service.start('env', [...words, bao, 'server', `-config=${configured('theirs.hcl', theirs)}`])
    const shells = [ours, theirs].map((port) => new Shell({ VAULT_ADDR: `http://127.0.0.1:${port}`, ...variables }))
    const read = async (shell: Shell, path: string): Promise<unknown> =>
      (JSON.parse((await shell.run(['read', '-format=json', path])).out) as { readonly data: unknown }).data
    try {
      const seen: unknown[] = []
      for (const shell of shells) {
        const login = ['login', '-no-print', '-method=userpass', 'username=anna', 'password=changed-later']
        await service.until('anna logs in', async () => (await shell.run(login)).code === 0)
        seen.push([await read(shell, 'kv/one'), await read(shell, 'kv/two')])
        expect((await shell.run('read sys/mounts/never')).code).to.equal(2)
        const plan = await shell.run(['plan', '-detailed-exitcode', config])
        expect(plan.code, plan.out + plan.err).to.equal(0)
      }
      expect(seen[0]).to.deep.equal(seen[1])
    } finally {
      await service.stop()
      await server.stop()
    }
  })
})
