import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { verifyLogs } from '../../../src/audit/offline/verify.ts'
import { startServer } from '../../../src/server/start.ts'
import { attacks, choices, Target } from '../../audit/attacks.ts'
import { SecondReader } from '../../audit/second-reader.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { TestServer, unseal } from '../../support/server.ts'

const filesOf = (folder: string): string[] => readdirSync(folder).map((name) => join(folder, name))
const places = 20

/** The files of a server that was used, sealed, opened, given new keys, stopped and started again; its log rotated. */
async function usedServer(): Promise<string> {
  const folder = temporaryFolder()
  const logs = join(folder, 'logs')
  mkdirSync(logs)
  const config = join(folder, 'strongroom.hcl')
  writeFileSync(
    config,
    `storage "level" { path = "${folder}/data" }
listener "tcp" { address = "127.0.0.1:0" tls_disable = true }
audit "file" "file" { options { file_path = "${logs}/audit.log" rotate_bytes = "65536" } }
`,
  )
  const start = async (): Promise<TestServer> =>
    new TestServer(await startServer({ config: [config], log: () => {} }), folder, config)
  const first = await start()
  const made = await first.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
  const secrets = { shares: made.body['keys'] as readonly string[], token: String(made.body['root_token']) }
  Object.assign(first, secrets)
  await unseal(first)
  const use = async (server: TestServer, times: number): Promise<void> => {
    for (let at = 0; at < times; at++) await server.call('PUT', `/v1/cubbyhole/${at}`, { value: 'ü'.repeat(400), at })
  }
  await use(first, 60)
  await first.call('POST', '/v1/sys/audit/rotate-keys', {})
  await use(first, 20)
  await first.call('PUT', '/v1/sys/seal')
  await unseal(first)
  await use(first, 20)
  await first.running.stop()
  const second = Object.assign(await start(), secrets)
  await unseal(second)
  await use(second, 30)
  await second.running.stop()
  return logs
}

describe('the audit files of a real server, verified by two independent programs', function () {
  this.timeout(240_000)
  let logs = ''
  let reader: SecondReader | undefined
  let pinned: readonly string[] = []
  const top = temporaryFolder()
  let count = 0

  before(async function () {
    if (spawnSync('python3', ['--version']).status !== 0) leaveOut(this, 'no python3 on this machine')
    reader = new SecondReader()
    logs = await usedServer()
    pinned = [/^\d+ \S+ (\S+)$/m.exec(readFileSync(join(logs, 'audit.log.vkeys'), 'utf8'))?.[1] as string]
  })
  after(() => reader?.close())

  const both = async (folder: string, keys: readonly string[]) => {
    const files = filesOf(folder)
    const { intact, logs: found } = await verifyLogs(files, { pinned: keys })
    const second = await (reader as SecondReader).verdict({ files, keys })
    return { ours: intact, second: second === 'intact', why: `${second}; ${found.flatMap(({ findings }) => findings.map(({ why }) => why)).join('; ')}` } // prettier-ignore
  }

  it('are whole: every line signed, over rotations, a change of keys, a seal and a restart', async () => {
    expect(filesOf(logs).filter((path) => /\d{12}-\d{12}$/.test(path)).length).to.be.greaterThan(2)
    for (const keys of [[], pinned]) {
      const { ours, second, why } = await both(logs, keys)
      expect({ ours, second }, why).to.deep.equal({ ours: true, second: true })
    }
    const { logs: found } = await verifyLogs(filesOf(logs), { pinned })
    expect(found).to.have.length(1)
    expect(found[0]?.stretches).to.deep.equal([{ from: 1, to: found[0]?.lines, signed: found[0]?.lines }])
    expect(found[0]?.remarks.map(({ what }) => what.split(' ')[0])).to.deep.equal(['keys'])
  })

  for (const [name, attack] of Object.entries(attacks))
    it(`both readers notice, wherever it is: ${name}`, async () => {
      const isNoticed = fc.asyncProperty(choices, fc.boolean(), async (where, isPinned) => {
        const copy = join(top, String(++count))
        mkdirSync(copy)
        for (const path of filesOf(logs)) copyFileSync(path, path.replace(logs, copy))
        attack(new Target(copy, where))
        const { ours, second, why } = await both(copy, isPinned ? pinned : [])
        expect({ ours, second }, why).to.deep.equal({ ours: false, second: false })
        rmSync(copy, { recursive: true })
      })
      await fc.assert(isNoticed, { numRuns: places })
    })
})
