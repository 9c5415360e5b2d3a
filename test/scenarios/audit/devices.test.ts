import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect } from 'chai'
import { pinnedKeys } from '../../../src/audit/offline/trusted-keys.ts'
import { verifyLogs } from '../../../src/audit/offline/verify.ts'
import { cosigner } from '../../../src/audit/checkpoints/note-keys.ts'
import { vkeyText } from '../../../src/audit/checkpoints/verifier-key.ts'
import { listenAsWitness } from '../../../src/audit/witness/listen.ts'
import { WitnessMemory } from '../../../src/audit/witness/memory.ts'
import { Witness } from '../../../src/audit/witness/witness.ts'
import { startServer } from '../../../src/server/start.ts'
import { silent } from '../../../src/util/log.ts'
import { byCount, byLine, endpoint, streamReceiver } from '../../audit/receivers.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { TestServer, levelServer, openLevelServer, restarted, unseal } from '../../support/server.ts'
import type { Reply } from '../../support/server.ts'

/** A server with this configuration, initialised and unsealed. */
async function opened(folder: string, config: string): Promise<TestServer> {
  const server = new TestServer(await startServer({ config: [config], log: () => {} }), folder, config)
  const made = await server.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
  Object.assign(server, { shares: made.body['keys'], token: String(made.body['root_token']) })
  await unseal(server)
  return server
}

describe('a server with audit devices of every kind, and a witness', function () {
  this.timeout(60_000)

  it('brings every line to each of them, and has the end of its log cosigned when it stops', async () => {
    const folder = temporaryFolder()
    const logs = join(folder, 'logs')
    mkdirSync(logs)
    const log = join(logs, 'audit.log')
    const socket = await streamReceiver((address) => ({ address }), byLine)
    const syslog = await streamReceiver((address) => ({ address }), byCount)
    const siem = await endpoint((uri) => ({ uri }))
    const signer = cosigner('witness.example.org/w1', generateKeyPairSync('ed25519').privateKey, () => Date.now())
    const keys = () => pinnedKeys(`${log}.vkeys`)
    const witness = await listenAsWitness(new Witness({ memory: new WitnessMemory(join(folder, 'seen')), signer, keys }), { host: '127.0.0.1', port: 0 }, silent) // prettier-ignore
    const config = join(folder, 'strongroom.hcl')
    writeFileSync(
      config,
      `storage "level" { path = "${folder}/data" }
listener "tcp" { address = "127.0.0.1:0" tls_disable = true }
audit "file" "file" { options { file_path = "${log}" } }
audit "socket" "socket" { options { address = "${socket.options['address']}" } }
audit "syslog" "syslog" { options { address = "${syslog.options['address']}" socket_type = "tcp" } }
audit_witness "one" { url = "http://127.0.0.1:${(witness.address() as AddressInfo).port}" key = "${vkeyText(signer.key)}" }
unsafe_allow_api_audit_creation = true
`,
    )
    const server = await opened(folder, config)
    expect((await server.call('PUT', '/v1/sys/audit/siem', { type: 'http', options: siem.options })).status).to.equal(
      204,
    )
    const headers = { uri: siem.options['uri'], headers: '{"X":["env://HOME"]}' }
    expect((await server.call('PUT', '/v1/sys/audit/x', { type: 'http', options: headers })).status).to.equal(400)
    await server.call('PUT', '/v1/cubbyhole/a', { value: 'only-here-4711' })
    for (const receiver of [socket, syslog, siem]) {
      const lines = await receiver.lines(3)
      expect(lines.join('\n')).to.include('"path":"cubbyhole/a"')
      expect(lines.join('\n')).to.not.include('only-here-4711')
    }
    await server.running.stop()
    const files = readdirSync(logs).map((name) => join(logs, name))
    const { intact, logs: found } = await verifyLogs(files, { witnesses: [vkeyText(signer.key)] })
    expect(intact, JSON.stringify(found[0]?.findings)).to.equal(true)
    expect(found[0]?.witnessed[0]?.size).to.equal(found[0]?.lines)
    expect(readFileSync(log, 'utf8')).to.not.include('only-here-4711')
    for (const receiver of [socket, syslog, siem]) await receiver.close()
    witness.closeAllConnections()
    await new Promise((done) => witness.close(done))
  })

  it('continues with one of two files while the folder of the other is unreadable, and stays sealed with neither', async () => {
    const folder = temporaryFolder()
    const config = join(folder, 'strongroom.hcl')
    const device = (name: string): string => {
      mkdirSync(join(folder, name))
      return `audit "file" "${name}" { options { file_path = "${folder}/${name}/audit.log" } }\n`
    }
    writeFileSync(
      config,
      `storage "level" { path = "${folder}/data" }\nlistener "tcp" { address = "127.0.0.1:0" tls_disable = true }\n${device('one')}${device('two')}`,
    )
    const told: string[] = []
    const running = await startServer({ config: [config], log: (line) => told.push(line) })
    const server = new TestServer(running, folder, config)
    const made = await server.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
    Object.assign(server, { shares: made.body['keys'], token: String(made.body['root_token']) })
    await unseal(server)
    /** A file stands where a folder was: every look at a file in it fails. */
    const hide = (name: string): void => {
      renameSync(join(folder, name), join(folder, `${name}.away`))
      writeFileSync(join(folder, name), '')
    }
    const failed = async (name: string): Promise<void> => {
      for (let tries = 0; tries < 1000 && !told.some((line) => line.includes(`${name}/`)); tries++)
        await new Promise((done) => setTimeout(done, 5))
      expect(told.filter((line) => line.includes(`${name}/`)))
        .to.have.property('length')
        .above(0)
    }
    hide('two')
    await failed('two')
    expect((await server.call('PUT', '/v1/cubbyhole/a', { value: 'b' })).status).to.equal(204)
    expect(readFileSync(join(folder, 'one', 'audit.log'), 'utf8')).to.include('"path":"cubbyhole/a"')
    await server.call('PUT', '/v1/sys/seal')
    hide('one')
    await failed('one')
    expect((await server.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: true })
    await running.stop()
  })

  it('unseals while one that was enabled over the API is unreachable, and records the gap in it afterwards', async () => {
    const folder = temporaryFolder()
    const config = join(folder, 'strongroom.hcl')
    writeFileSync(
      config,
      `storage "level" { path = "${folder}/data" }
listener "tcp" { address = "127.0.0.1:0" tls_disable = true }
audit "file" "file" { options { file_path = "${folder}/audit.log" } }
unsafe_allow_api_audit_creation = true
`,
    )
    const server = await opened(folder, config)
    const away = await streamReceiver((address) => ({ address }), byLine)
    expect((await server.call('PUT', '/v1/sys/audit/away', { type: 'socket', options: away.options })).status).to.equal(204) // prettier-ignore
    await server.call('PUT', '/v1/sys/seal')
    await away.leave()
    await unseal(server)
    expect((await server.call('GET', '/v1/sys/audit')).body['data']).to.have.property('away/')
    expect((await server.call('PUT', '/v1/cubbyhole/a', { value: 'x' })).status).to.equal(204)
    const failures = async (): Promise<string> => {
      const told = await server.call('GET', '/v1/sys/metrics?format=prometheus')
      return /audit_log_failures[^\n]*away[^\n]* (\d+)/.exec(told.text)?.[1] ?? 'not told'
    }
    expect(Number(await failures())).to.be.greaterThan(0)
    await away.comeBack()
    await server.call('PUT', '/v1/cubbyhole/b', { value: 'x' })
    await server.call('PUT', '/v1/cubbyhole/b', { value: 'x' })
    const [first = '', ...rest] = await away.lines(2)
    expect(first + rest.join('')).to.include('sys/audit/gap')
    await server.running.stop()
    await away.close()
  })

  for (const change of ['nothing', 'cut'])
    it(`keeps the log of a file that was away at unseal as soon as it is back, with ${change} done to it`, async () => {
      const server = await openLevelServer()
      const folder = join(server.folder, 'far')
      mkdirSync(folder)
      const path = join(folder, 'far.log')
      const asked = await server.call('PUT', '/v1/sys/audit/far', { type: 'file', options: { file_path: path } })
      expect(asked.status, asked.text).to.equal(204)
      await server.call('PUT', '/v1/cubbyhole/a', { value: 'x' })
      await server.call('PUT', '/v1/sys/seal')
      await server.running.stop()
      renameSync(folder, `${folder}-away`)
      const again = await levelServer(server.folder)
      Object.assign(again, { shares: server.shares, token: server.token })
      const last = async (more: object): Promise<Reply> => {
        await again.call('PUT', '/v1/sys/unseal', { key: server.shares[0] })
        return again.call('PUT', '/v1/sys/unseal', { key: server.shares[1], ...more })
      }
      const refused = await last({})
      expect(refused.status).to.equal(400)
      const [, code = ''] = /accept_audit_log=([0-9a-f]{16})/.exec(refused.text) ?? []
      expect((await last({ accept_audit_log: code })).body).to.include({ sealed: false })
      await again.call('PUT', '/v1/cubbyhole/a', { value: 'y' })
      if (change === 'cut') writeFileSync(`${folder}-away/far.log`, readFileSync(`${folder}-away/far.log`, 'utf8').split('\n').slice(0, -3).join('\n') + '\n') // prettier-ignore
      renameSync(`${folder}-away`, folder)
      await again.call('PUT', '/v1/cubbyhole/a', { value: 'z' })
      await again.call('PUT', '/v1/cubbyhole/a', { value: 'z' })
      const heads = async () =>
        (await again.call('GET', '/v1/sys/seal-status')).body['audit_heads'] as Readonly<Record<string, string>>
      while ((await heads())['far/'] === undefined) await again.call('GET', '/v1/cubbyhole/a')
      await again.running.stop()
      const text = readFileSync(path, 'utf8')
      const all = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
      expect(all.join('')).to.include('sys/audit/gap')
      expect(text.includes('"follows":{"log":'), 'another log behind it').to.equal(change === 'cut')
      // What was written since is signed, and the next unseal checks all of it.
      const next = await restarted(again)
      await unseal(next)
      expect((await next.call('GET', '/v1/sys/seal-status')).body).to.include({ sealed: false })
      await next.running.stop()
      const { intact, logs } = await verifyLogs(readdirSync(folder).map((name) => join(folder, name)))
      expect(intact, JSON.stringify(logs.map(({ findings }) => findings))).to.equal(change === 'nothing')
    })

  it('unseals with a device of an earlier release whose file lies in the folder of the storage, and takes no other', async () => {
    const before = await openLevelServer()
    const inside = join(before.folder, 'later')
    mkdirSync(inside)
    const device = (name: string) => ({ type: 'file', options: { file_path: join(inside, name) } })
    await before.data('POST', 'sys/audit/inside', device('inside.log'))
    await before.running.stop()
    for (const name of readdirSync(join(before.folder, 'data')))
      renameSync(join(before.folder, 'data', name), join(inside, name))
    writeFileSync(before.config, readFileSync(before.config, 'utf8').replace(`${before.folder}/data`, inside))
    const after = new TestServer(await startServer({ config: [before.config], log: () => {} }), before.folder, before.config) // prettier-ignore
    Object.assign(after, { shares: before.shares, token: before.token })
    await unseal(after)
    expect(await after.data('GET', 'sys/audit')).to.have.property('inside/')
    const refused = await after.call('PUT', '/v1/sys/audit/other', device('other.log'))
    expect(refused.status, refused.text).to.equal(400)
    expect(refused.text).to.include('is in the folder of the storage')
    await after.running.stop()
  })
})
