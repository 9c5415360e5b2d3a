import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { temporaryFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.ts'
import type { Body } from '../support/server.ts'
import { tlsServer } from '../support/processes/tls-server.ts'
import type { TlsServer } from '../support/processes/tls-server.ts'
import { installedBao } from './programs/bao.ts'
import { Service } from './programs/service.ts'
import { Ways, methods } from './programs/login-methods.ts'
import type { Method, Settings } from './programs/login-methods.ts'

const rules = 'path "secret/data/app" { capabilities = ["read"] }'

/** The agent sees that a token can be renewed no more when its maximum is near: then it logs in again. */
const tokens = { token_policies: 'app', token_ttl: '3s', token_max_ttl: '6s' }

describe('bao agent and bao proxy 2.6.2, unmodified', function () {
  this.timeout(300_000)
  const folder = temporaryFolder()
  const settings = new Map<Method, Settings>()
  let bao = ''
  let server: TlsServer
  let ways: Ways
  let service: Service
  before(async function () {
    bao = await installedBao(this)
    server = await tlsServer()
    ways = await Ways.start(server, folder, tokens)
    await server.call('PUT', 'sys/policies/acl/app', { policy: rules })
    await server.call('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    for (const method of methods) settings.set(method, await ways.enable(method))
  })
  beforeEach(() => (service = new Service()))
  afterEach(async () => service.stop())
  after(async () => {
    await ways?.stop()
    await server?.running.stop()
  })

  const secret = async (password: string) => server.call('POST', 'secret/data/app', { data: { password } })
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8') : '')
  const lookup = async (token: string) => server.call('GET', 'auth/token/lookup-self', undefined, undefined, token)

  /** The part of a configuration that logs in with a method, and writes the token to a file. */
  const autoAuth = (method: Method, sink: string): string => `
vault { address = "${server.running.address}" ca_cert = "${server.ca}" }
auto_auth {
  method "${method}" {
    config = {
      ${Object.entries(settings.get(method) ?? {}).map(([name, value]) => `${name} = ${JSON.stringify(value)}`).join('\n      ')}
    }
  }
  sink "file" { config = { path = "${sink}" } }
}
` // prettier-ignore

  function start(kind: 'agent' | 'proxy', config: string): void {
    const file = join(service.folder, `${kind}.hcl`)
    writeFileSync(file, config)
    service.start(bao, [kind, `-config=${file}`])
  }

  /** A token in use is renewed, and replaced by another one when it has lived for its maximum. */
  async function livesOn(sink: string): Promise<void> {
    await service.until('a token', () => read(sink) !== '')
    const first = read(sink)
    await service.until(
      'renewed',
      async () => ((await lookup(first)).body['data'] as Body)['last_renewal'] !== undefined,
    )
    await service.until('another token', () => read(sink) !== first)
    await service.until('the first token has expired', async () => (await lookup(first)).status === 403)
    expect((await lookup(read(sink))).status).to.equal(200)
  }

  for (const method of methods) {
    it(`${method}: the agent logs in, writes a secret to a file, follows it, renews, and logs in again`, async () => {
      await secret('first')
      const [sink, file] = [join(folder, `${method}.agent`), join(folder, `${method}.txt`)]
      const config = `${autoAuth(method, sink)}
template_config { static_secret_render_interval = "1s" }
template {
  contents = "{{ with secret \\"secret/data/app\\" }}{{ .Data.data.password }}{{ end }}"
  destination = "${file}"
}`
      start('agent', config)
      await service.until('the secret', () => read(file) === 'first')
      await secret('second')
      await service.until('the new secret', () => read(file) === 'second')
      await livesOn(sink)
      await secret('third')
      await service.until('the secret with another token', () => read(file) === 'third')
    })

    it(`${method}: the proxy logs in for programs without a token, renews, and logs in again`, async () => {
      await secret('proxied')
      const [sink, port] = [join(folder, `${method}.proxy`), await freePort()]
      const config = `${autoAuth(method, sink)}
api_proxy { use_auto_auth_token = true }
listener "tcp" { address = "127.0.0.1:${port}" tls_disable = true }`
      start('proxy', config)
      const reads = async (path: string): Promise<number> =>
        fetch(`http://127.0.0.1:${port}/v1/${path}`).then(({ status }) => status, () => 0) // prettier-ignore
      await service.until('the secret', async () => (await reads('secret/data/app')) === 200)
      expect(await reads('secret/data/other')).to.equal(403)
      await livesOn(sink)
      expect(await reads('secret/data/app')).to.equal(200)
    })
  }
})
