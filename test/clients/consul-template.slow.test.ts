import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { leaveOut } from '../support/leave-out.ts'
import type { Body } from '../support/server.ts'
import { tlsServer } from '../support/processes/tls-server.ts'
import type { TlsServer } from '../support/processes/tls-server.ts'
import { run } from './programs/run.ts'
import { Service } from './programs/service.ts'

const version = 'v0.42.0'
/** Kept between runs. */
const kept = resolve(`.clients/consul-template-${version}`)

describe('consul-template 0.42.0, unmodified', function () {
  // Go compiles everything the first time.
  this.timeout(900_000)
  let server: TlsServer
  const service = new Service()

  before(async function () {
    const program = `github.com/hashicorp/consul-template@${version}`
    mkdirSync(kept, { recursive: true })
    const built = existsSync(join(kept, 'consul-template')) ? { code: 0, out: '' } : await run('go', ['install', program], { env: { GOBIN: kept } }) // prettier-ignore
    if (built.code !== 0) leaveOut(this, `no Go on this machine, or no module proxy: ${built.out.trim().slice(-200)}`)
    server = await tlsServer()
  })
  after(async () => {
    await service.stop()
    await server?.running.stop()
  })

  async function done(path: string, data: Body): Promise<Body> {
    const { status, text, body } = await server.call('POST', path, data)
    if (status >= 300) throw new Error(`${path}: ${status} ${text}`)
    return body
  }

  it('writes secrets of both versions and a ciphertext to a file, follows them, and renews its token', async () => {
    await done('sys/mounts/secret', { type: 'kv', options: { version: '2' } })
    await done('sys/mounts/old', { type: 'kv', options: { version: '1' } })
    await done('sys/mounts/transit', { type: 'transit' })
    await done('transit/keys/app', {})
    await done('secret/data/app', { data: { password: 'first' } })
    await done('old/app', { name: 'ann', ttl: '1s' })
    const rules = ['secret/data/app', 'old/app', 'auth/token/lookup-self'].map((path) => `path "${path}" { capabilities = ["read"] }`) // prettier-ignore
    const updates = ['transit/encrypt/app', 'auth/token/renew-self'].map((path) => `path "${path}" { capabilities = ["update"] }`) // prettier-ignore
    await done('sys/policies/acl/app', { policy: [...rules, ...updates].join('\n') })
    const made = await done('auth/token/create', { policies: ['app'], no_default_policy: true, ttl: '4s', explicit_max_ttl: '1m' }) // prettier-ignore
    const { client_token: token, accessor } = made['auth'] as { readonly client_token: string; readonly accessor: string } // prettier-ignore
    const file = join(service.folder, 'app.txt')
    const config = join(service.folder, 'template.hcl')
    const contents = [
      '{{ with secret "secret/data/app" }}{{ .Data.data.password }}{{ end }}',
      '{{ with secret "old/app" }}{{ .Data.name }}{{ end }}',
      '{{ with secret "transit/encrypt/app" "plaintext=aGk=" }}{{ .Data.ciphertext }}{{ end }}',
    ].join(' ')
    writeFileSync(config, `
vault {
  address = "${server.running.address}"
  token = "${token}"
  renew_token = true
  default_lease_duration = "1s"
  ssl { ca_cert = "${server.ca}" }
}
template {
  contents = ${JSON.stringify(contents)}
  destination = "${file}"
}
`) // prettier-ignore
    service.start(join(kept, 'consul-template'), [`-config=${config}`])
    const rendered = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')
    await service.until('the secrets', () => /^first ann vault:v1:\S+$/.test(rendered()))
    await done('secret/data/app', { data: { password: 'second' } })
    await service.until('the new secret', () => rendered().startsWith('second ann '))
    const lookup = async () => (await server.call('POST', 'auth/token/lookup-accessor', { accessor })).body['data'] as Body // prettier-ignore
    await service.until('a renewal after its first TTL', async () => {
      const { last_renewal_time: renewed = 0, creation_time: created } = await lookup()
      return Number(renewed) >= Number(created) + 4
    })
    expect((await lookup())['path']).to.equal('auth/token/create')
  })
})
