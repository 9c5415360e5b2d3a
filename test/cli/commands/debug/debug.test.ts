import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect } from 'chai'
import { capture } from '../../../../src/cli/commands/debug/capture.ts'
import { redacted, targets } from '../../../../src/cli/commands/debug/targets.ts'
import type { Client } from '../../../../src/cli/http/client.ts'
import { temporaryFolder } from '../../../support/folder.ts'
import { ProcessServer } from '../../../support/processes/process-server.ts'
import { Shell } from '../../support.ts'

const canary = 'canary5e7d'

describe('debug', () => {
  const folder = temporaryFolder()
  const server = new ProcessServer(['audit'], `audit "http" "siem" { options { uri = "http://127.0.0.1:1/${canary}" headers = "{\\"X-Siem\\": [\\"${canary}\\"]}" } }`) // prettier-ignore
  let shell: Shell
  before(async () => {
    await server.start()
    await server.init()
    await server.unseal()
    await server.done('POST', 'sys/mounts/secret', { type: 'kv', options: { version: '1' } })
    await server.done('POST', 'secret/a', { value: canary })
    await server.done('POST', 'sys/auth/userpass', { type: 'userpass' })
    await server.done('POST', 'auth/userpass/users/anna', { password: canary })
    await server.done('POST', 'auth/token/create', { id: `t${canary}`, meta: { note: canary } })
    shell = new Shell({ VAULT_ADDR: server.address.replace('//', `//${canary}:${canary}@`), VAULT_TOKEN: server.token, STRONGROOM_TEST: canary }) // prettier-ignore
  })
  after(async () => server.kill())

  /** The files of a bundle, as tar reads them. */
  function unpacked(file: string): ReadonlyMap<string, string> {
    const into = temporaryFolder()
    execFileSync('tar', ['xf', file, '-C', into])
    const [name = ''] = readdirSync(into)
    return new Map(readdirSync(join(into, name)).map((one) => [one, readFileSync(join(into, name, one), 'utf8')]))
  }

  it('has every target, and nothing secret', async () => {
    const file = join(folder, 'all.tar.gz')
    const { code, out, err } = await shell.run(`debug -duration=1s -output=${file}`)
    expect([code, err.includes('Not collected')]).to.deep.equal([0, false])
    expect(out).to.match(/^Success! Wrote .*index\.json: /)
    const files = unpacked(file)
    expect([...files.keys()].toSorted()).to.deep.equal(['config.json', 'host_info.json', 'index.json', 'metrics.json', 'replication_status.json', 'requests.json', 'server_status.json']) // prettier-ignore
    const parsed = (name: string) => (JSON.parse(files.get(name) ?? '') as readonly Readonly<Record<string, Record<string, unknown>>>[])[0] // prettier-ignore
    expect(parsed('server_status.json')?.['health']).to.include({ sealed: false })
    expect(parsed('server_status.json')?.['seal-status']).to.include({ t: 2, n: 3 })
    expect(parsed('config.json')?.['data']).to.include({ log_level: 'info' })
    expect(Object.values(parsed('requests.json')?.['data'] ?? {})[0]).to.include({ request_path: '/v1/sys/…' })
    expect(JSON.parse(files.get('index.json') ?? '')).to.deep.include({ vault_address: `${server.address}/`, errors: [] }) // prettier-ignore
    const everything = gunzipSync(readFileSync(file)).toString('latin1') + out + err
    for (const secret of [canary, server.token, ...server.keys]) expect(everything).to.not.include(secret)
  })

  it('names the targets that the token may not read, and needs none for the status', async () => {
    const file = join(folder, 'anonymous.tar')
    const anonymous = new Shell({ VAULT_ADDR: server.address })
    const { code, err } = await anonymous.run(`debug -duration=1s -compress=false -output=${file}`)
    expect(code).to.equal(0)
    for (const target of ['config', 'host', 'requests', 'metrics', 'replication-status']) expect(err).to.include(`Not collected: ${target}: `) // prettier-ignore
    const files = unpacked(file)
    expect([...files.keys()].toSorted()).to.deep.equal(['index.json', 'server_status.json'])
    expect((JSON.parse(files.get('index.json') ?? '') as { readonly errors: readonly unknown[] }).errors).to.have.length(5) // prettier-ignore
  })

  it('collects the status of a sealed server', async () => {
    await server.done('PUT', 'sys/seal')
    const file = join(folder, 'sealed.tar.gz')
    expect((await shell.run(`debug -duration=1s -target=server-status,metrics -output=${file}`)).code).to.equal(0)
    expect(unpacked(file).get('server_status.json')).to.include('"sealed": true')
    await server.unseal()
  })

  it('refuses unknown targets, a file that exists, and a server that is not there', async () => {
    const refused = async (line: string, text: RegExp, status = 1): Promise<void> => {
      const { code, err } = await shell.run(line)
      expect([code, text.test(err)], `${line}: ${err}`).to.deep.equal([status, true])
    }
    await refused('debug -target=pprof', /-target=pprof: this server has no profiles/)
    await refused('debug -target=log', /journalctl/)
    await refused('debug -target=all', /-target is any of config, host/)
    await refused('debug -duration=0s', /-duration is a duration of a second or more/)
    await refused('debug -interval=soon', /-interval is a duration/)
    await refused('debug -metrics-interval=0', /-metrics-interval is a duration/)
    await refused(`debug -output=${folder}/all.tar.gz`, /already exists/)
    const none = join(folder, 'none.tar.gz')
    const away = await new Shell({ VAULT_ADDR: 'http://127.0.0.1:1', VAULT_MAX_RETRIES: '0' }).run(`debug -output=${none}`) // prettier-ignore
    expect(away.code).to.equal(2)
    expect(existsSync(none)).to.equal(false)
  })

  it('asks again in its intervals, but not for refused targets', async () => {
    const asked: string[] = []
    let now = 0
    const ask = async (_member: string, _method: string, path: string) => {
      asked.push(`${now / 1000} ${path}`)
      return { data: {} }
    }
    const client = { ask } as unknown as Client
    const chosen = targets.filter(({ name }) => ['config', 'host', 'metrics'].includes(name))
    const time = { now: () => now, until: async (at: number) => ((now = at), at < 25_000) }
    const { files } = await capture(client, { targets: chosen, duration: 30_000, interval: 20_000, metricsInterval: 10_000 }, time) // prettier-ignore
    expect(asked).to.deep.equal(['0 sys/config/state/sanitized', '0 sys/host-info', '0 sys/metrics', '10 sys/metrics', '20 sys/host-info', '20 sys/metrics']) // prettier-ignore
    expect(JSON.parse(files.get('metrics.json') ?? '')).to.have.length(3)
  })

  it('leaves out members that could be secrets', () => {
    const answer = { client_token: 'a', list: [{ password: 'b', name: 'c' }], nested: { secret_id: 'd', count: 1, key: 'e' } } // prettier-ignore
    expect(redacted(answer)).to.deep.equal({ client_token: '(left out)', list: [{ password: '(left out)', name: 'c' }], nested: { secret_id: '(left out)', count: 1, key: '(left out)' } }) // prettier-ignore
  })
})
