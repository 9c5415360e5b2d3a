import { rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { checkpointFileOf } from '../../../src/audit/checkpoints/checkpoint-file.ts'
import { ProcessServer } from '../../support/processes/process-server.ts'

/** A server with a token that was revoked after the storage was copied, and killed. `changes`: how many more there were. */
async function revoked(devices: readonly string[], changes: number) {
  const server = new ProcessServer(devices)
  await server.start()
  await server.init()
  await server.unseal()
  await server.done('POST', 'sys/mounts/secret', { type: 'kv' })
  const made = (await server.done('POST', 'auth/token/create', { policies: ['root'] }))['auth'] as { readonly client_token: string } // prettier-ignore
  const token = made.client_token
  await server.done('POST', 'secret/before', { value: 1 })
  const older = server.copy('data')
  const wal = server.newestLevelLog()
  await server.done('POST', 'auth/token/revoke', { token })
  for (let at = 0; at < changes; at++) await server.done('POST', `secret/${at}`, { value: at })
  expect((await server.call('GET', 'secret/before', undefined, token)).status).to.equal(403)
  await server.kill()
  return { server, token, older, wal }
}

/** It stays sealed, tells why, and keeps to it with the same code at the next try. */
async function isRefused(server: ProcessServer): Promise<string> {
  const first = await server.unseal()
  expect(first.status, first.error).to.equal(400)
  expect(first.error).to.include('stays sealed').and.include('the storage is older than the log')
  const second = await server.unseal()
  const [, code = ''] = /accept_audit_log=([0-9a-f]{16})/.exec(first.error) ?? []
  expect(second.error).to.include(`accept_audit_log=${code}`)
  return code
}

describe('rollback: an older storage beside a newer audit log, with the real program', function () {
  this.timeout(180_000)
  const servers: ProcessServer[] = []
  after(async () => void (await Promise.all(servers.map(async (server) => server.kill()))))
  const prepared = async (devices: readonly string[], changes: number) => {
    const made = await revoked(devices, changes)
    servers.push(made.server)
    return made
  }

  for (const devices of [['audit'], ['audit', 'second']])
    for (const changes of [60, 0])
      it(`is refused after a revocation and ${changes} more changes, with ${devices.length} devices`, async () => {
        const { server, token, older } = await prepared(devices, changes)
        older()
        await server.start()
        const code = await isRefused(server)
        await server.kill()
        // The checkpoints are not what it is seen by.
        for (const name of devices) rmSync(checkpointFileOf(join(server.folder, `${name}.log`)), { force: true })
        await server.start()
        await isRefused(server)
        await server.kill()
        // Nor does one whole log among several excuse the others.
        await server.start()
        expect((await server.unseal({ accept_audit_log: '0123456789abcdef' })).status).to.equal(400)
        const asked = await server.unseal()
        const [, present = code] = /accept_audit_log=([0-9a-f]{16})/.exec(asked.error) ?? []
        const accepted = await server.unseal({ accept_audit_log: present })
        expect(accepted.body, accepted.error).to.include({ sealed: false })
        const told = server.lines().filter((line) => line.includes('"path":"sys/audit/accepted"'))
        expect(told).to.have.length(1)
        expect(told[0]).to.include(present).and.include('the storage is older than the log')
        // What the operator has put back is back: the token lives until it is revoked again.
        expect((await server.call('GET', 'secret/before', undefined, token)).status).to.equal(200)
        await server.done('POST', 'auth/token/revoke', { token })
        await server.kill()
        await server.start()
        expect((await server.unseal()).body).to.include({ sealed: false })
        expect((await server.call('GET', 'secret/before', undefined, token)).status).to.equal(403)
        await server.kill()
      })

  it('is noticed when only the end of the newest LevelDB log was cut off, over restarts too', async () => {
    const { server, wal } = await prepared(['audit'], 0)
    expect(server.newestLevelLog()).to.include({ path: wal.path })
    truncateSync(wal.path, wal.size)
    await server.start()
    const code = await isRefused(server)
    await server.kill()
    await server.start()
    expect(await isRefused(server)).to.equal(code)
    await server.kill()
  })

  it('is noticed when the log of one of two devices was put back, too', async () => {
    const { server, older } = await prepared(['audit', 'second'], 5)
    older()
    writeFileSync(join(server.folder, 'audit.log'), `${server.lines().slice(0, -20).join('\n')}\n`)
    await server.start()
    await isRefused(server)
    await server.kill()
  })

  it('is still detected after repeated starts', async () => {
    const { server, older } = await prepared(['audit'], 1)
    older()
    await server.start()
    for (let tries = 0; tries < 12; tries++) await isRefused(server)
    await server.kill()
  })
})

describe('rollback: the checkpoint file', function () {
  this.timeout(120_000)

  for (const [what, damage] of Object.entries({
    removed: (path: string) => rmSync(path),
    emptied: (path: string) => truncateSync(path, 0),
    'cut by a byte': (path: string, size: number) => truncateSync(path, size - 1),
  }))
    it(`is missed when it was ${what}`, async () => {
      const server = new ProcessServer()
      try {
        await server.start()
        await server.init()
        await server.unseal()
        // The storage knows of the last checkpoint after an orderly end.
        await server.kill('SIGTERM')
        const path = checkpointFileOf(join(server.folder, 'audit.log'))
        const whole = server.copy('audit.log.checkpoints')
        damage(path, statSync(path).size)
        await server.start()
        const refused = await server.unseal()
        expect(refused.status).to.equal(400)
        expect(refused.error).to.include('the storage knows a signed checkpoint of')
        await server.kill()
        whole()
        await server.start()
        expect((await server.unseal()).body).to.include({ sealed: false })
      } finally {
        await server.kill()
      }
    })
})

describe('an honest end of the process', function () {
  this.timeout(300_000)

  for (const devices of [['audit'], ['audit', 'second']])
    it(`is never taken for an older storage, with ${devices.length} devices`, async () => {
      const server = new ProcessServer(devices)
      try {
        await server.start()
        await server.init()
        await server.unseal()
        await server.done('POST', 'sys/mounts/secret', { type: 'kv' })
        for (let kills = 0; kills < 8; kills++) {
          let count = 0
          const writer = async (_: unknown, name: number): Promise<void> => {
            for (let round = 0; ; round++) {
              const method = round % 3 === 2 ? 'GET' : 'POST'
              const done = await server.call(method, `secret/${name}`, method === 'POST' ? { value: round } : undefined).then(() => true, () => false) // prettier-ignore
              if (!done) return
              if (++count === 10 + kills * 5) void server.kill()
            }
          }
          await Promise.all(Array.from({ length: 8 }, writer))
          await server.kill()
          await server.start()
          const opened = await server.unseal()
          expect(opened.body, `kill ${kills}: ${opened.error}`).to.include({ sealed: false })
        }
      } finally {
        await server.kill()
      }
    })
})
