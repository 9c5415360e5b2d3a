import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../src/server/start.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { temporaryFolder } from '../support/folder.ts'
import { keyFile, sealedConfig, staticSeal } from '../support/seals.ts'
import { TestServer } from '../support/server.ts'

const secret = 'a-password-that-no-log-has'

/** A new folder with a configuration: a static seal, and these blocks. */
class Host {
  readonly folder = temporaryFolder()
  readonly key = keyFile(this.folder, 'key')
  log = ''

  configured(blocks: string): string {
    return sealedConfig(this.folder, `${staticSeal(this.key)}\nlog_format = "json"\n${blocks}`)
  }

  async start(blocks: string): Promise<TestServer> {
    const config = this.configured(blocks)
    this.log = ''
    const running: RunningServer = await startServer({ config: [config], log: (line) => void (this.log += line) })
    return new TestServer(running, this.folder, config)
  }

  /** Why it does not start. */
  async refused(blocks: string): Promise<string> {
    return this.start(blocks).then(
      async (server) => {
        await server.running.stop()
        return 'it started'
      },
      (thrown: unknown) => (thrown as Error).message,
    )
  }

  get audit(): string {
    return readFileSync(join(this.folder, 'audit.log'), 'utf8')
  }
}

const request = (name: string, path: string, data: string, more = ''): string =>
  `request "${name}" {\n operation = "update"\n path = "${path}"\n data = { ${data} }\n ${more}\n }`

const people = `initialize "people" {
  ${request('userpass', 'sys/auth/userpass', 'type = "userpass"')}
  ${request('policy', '/sys/policies/acl/admin', String.raw`policy = "path \"*\" { capabilities = [\"create\", \"read\", \"update\", \"delete\", \"list\", \"sudo\"] }"`)}
  ${request('admin', 'auth/userpass/users/admin', 'password = { eval_type = "string" eval_source = "env" env_var = "ADMIN_PASSWORD" require_present = true } token_policies = ["admin"]')}
}`

/** As the user of the configuration. A server that starts again unseals itself after it listens. */
async function login(server: TestServer): Promise<void> {
  for (;;) {
    const { status, body } = await server.call('POST', '/v1/auth/userpass/login/admin', { password: secret }, {})
    if (status === 503) continue
    server.token = (body['auth'] as { readonly client_token: string }).client_token
    return
  }
}

describe('the first boot', () => {
  before(() => {
    process.env['ADMIN_PASSWORD'] = secret
  })
  after(() => {
    delete process.env['ADMIN_PASSWORD']
  })

  it('performs the requests of the configuration once, and leaves no root token', async () => {
    const host = new Host()
    let server = await host.start(people)
    expect(server.running.rootToken).to.equal(undefined)
    await login(server)
    expect(await server.data('GET', 'sys/auth')).to.have.property('userpass/')
    const { keys } = (await server.data('LIST', 'auth/token/accessors')) as { readonly keys: readonly string[] }
    expect(keys).to.have.length(1)
    const lines = host.audit.split('\n').filter((line) => line.includes('"sys/auth/userpass"'))
    expect(lines).to.have.length(2)
    await server.data('DELETE', 'sys/policies/acl/admin2')
    await server.running.stop()
    expect(host.log).to.include('first_boot_done')
    expect(host.log + host.audit).not.to.include(secret)
    server = await host.start(people.replaceAll('userpass', 'other'))
    await login(server)
    expect(await server.data('GET', 'sys/auth')).not.to.have.property('other/')
    expect(host.log).not.to.include('first_boot')
    await server.running.stop()
  })

  it('takes values from files, requests, responses, templates and expressions', async () => {
    const host = new Host()
    const file = join(host.folder, 'text')
    writeFileSync(file, 'from a file\n')
    const value = (source: string, type: string, more: string): string => `{ eval_source = "${source}" eval_type = "${type}" ${more} }` // prettier-ignore
    const response = (name: string, selector: string): string => value('response', 'any', `initialize_name = "values" response_name = "${name}" field_selector = ${selector}`) // prettier-ignore
    process.env['NUMBER'] = '42'
    const server = await host.start(`${people}
      initialize "values" {
        ${request('mount', 'sys/mounts/kv', 'type = "kv" options = { version = "1" }')}
        ${request('again', 'sys/mounts/kv', 'type = "kv"', 'allow_failure = true')}
        ${request('never', 'kv/never', 'a = 1', `when = ${value('cel', 'bool', `expression = "requests.values.mount.path == 'elsewhere'"`)}`)}
        ${request('login', 'auth/userpass/login/admin', `password = ${value('request', 'string', 'initialize_name = "people" request_name = "admin" field_selector = ["data", "password"]')}`, 'token = ""')}
        request "look" { operation = "read" path = "auth/token/lookup-self" token = ${response('login', '["auth", "client_token"]')} }
        ${request(
          'all',
          'kv/all',
          `file = ${value('file', 'string', `path = "${file}"`)}
           number = ${value('env', 'int', 'env_var = "NUMBER"')}
           texts = ${value('env', '[]string', 'env_var = "NUMBER"')}
           name = ${response('look', '["data", "display_name"]')}
           list = ["a", ${value('env', 'string', 'env_var = "NUMBER"')}]
           none = ${value('env', 'string', 'env_var = "NOBODY_SET_THIS"')}
           cel = ${value('cel', 'string', `expression = "requests.values.mount.path + '!'"`)}
           template = ${value('template', 'string', String.raw`template = "{{ .x | uppercase }} {{ index .responses \"values\" \"look\" \"data\" \"display_name\" | truncate 4 }}{{ if eq .x \"b\" }}no{{ else }}, yes{{ end }}" data = { x = "abc" }`)}`,
          `token = ${response('login', '["auth", "client_token"]')}`,
        )}
      }`)
    delete process.env['NUMBER']
    await login(server)
    expect(await server.data('GET', 'kv/all')).to.deep.equal({
      file: 'from a file\n',
      number: 42,
      texts: ['42'],
      name: 'userpass-admin',
      list: ['a', '42'],
      none: '',
      cel: 'sys/mounts/kv!',
      template: 'ABC user, yes',
    })
    expect((await server.call('GET', '/v1/kv/never')).status).to.equal(404)
    expect(host.log).to.include('"request":"values.again"')
    await server.running.stop()
  })

  it('begins again with an empty storage after a request that failed', async () => {
    const host = new Host()
    const broken = `${people}\ninitialize "more" { ${request('bad', 'sys/mounts/kv', 'type = "nothing"')} }`
    const why = await host.refused(broken)
    expect(why).to.match(/^initialize "more", request "bad": update sys\/mounts\/kv: .*correct it and start again/s)
    expect(why).not.to.include(secret)
    expect(await host.refused('')).to.match(/first boot of this storage is not complete/)
    const server = await host.start(broken.replace('"nothing"', '"kv"'))
    await login(server)
    expect(host.log).to.include('first_boot_again')
    expect(await server.data('GET', 'sys/mounts')).to.have.property('kv/')
    await server.running.stop()
  })

  it('does not begin where it cannot succeed', async () => {
    const host = new Host()
    delete process.env['ADMIN_PASSWORD']
    expect(await host.refused(people)).to.match(/^initialize "people", request "admin" \(line \d+\): .*no variable ADMIN_PASSWORD/) // prettier-ignore
    process.env['ADMIN_PASSWORD'] = secret
    const shamir = join(host.folder, 'shamir.hcl')
    writeFileSync(shamir, readFileSync(host.configured(people), 'utf8').replace(/seal "static" \{[^}]*\}/, ''))
    const thrown = await startServer({ config: [shamir], log: () => undefined }).then(() => undefined, (error: unknown) => error) // prettier-ignore
    expect((thrown as Error).message).to.include('initialize needs a seal block')
  })

  it('leaves the recovery keys to a caller with a token: the first ones come at once', async () => {
    const host = new Host()
    const server = await host.start(people)
    const counts = { secret_shares: 3, secret_threshold: 2 }
    const status = async (): Promise<readonly unknown[]> => {
      const { body } = await server.call('GET', '/v1/sys/seal-status')
      return [body['n'], body['t'], body['sealed']]
    }
    expect(await status()).to.deep.equal([0, 0, false])
    for (const path of ['rekey-recovery-key/init', 'rotate/recovery/init'])
      expect((await server.call('POST', `/v1/sys/${path}`, counts, {})).status, path).to.be.greaterThan(399)
    const begun = await server.call('PUT', '/v1/sys/generate-root/attempt', {}, {})
    const attempt = await server.call('PUT', '/v1/sys/generate-root/update', { key: 'ab'.repeat(33), nonce: begun.body['nonce'] }, {}) // prettier-ignore
    expect(attempt.status).to.equal(400)
    await login(server)
    const made = await server.data('POST', 'sys/rotate/recovery/init', counts)
    expect([made['complete'], (made['keys'] as readonly string[]).length]).to.deep.equal([true, 3])
    expect(await status()).to.deep.equal([3, 2, false])
    const again = await server.data('POST', 'sys/rotate/recovery/init', counts)
    expect([again['keys'], again['required']]).to.deep.equal([undefined, 2])
    await server.running.stop()
    expect(existsSync(join(host.folder, 'data'))).to.equal(true)
  })
})
