import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../src/server/start.ts'
import type { RunningServer } from '../../src/server/start.ts'
import { temporaryFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.ts'
import { keyFile, sealedConfig, staticSeal } from '../support/seals.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'
import { installedBao } from './programs/bao.ts'
import { run } from './programs/run.ts'
import { Service } from './programs/service.ts'

describe('OpenBao 2.6.2, unmodified, and seals', function () {
  this.timeout(120_000)
  let bao = ''
  before(async function () {
    bao = await installedBao(this)
  })

  describe('a server of it that our transit unseals', () => {
    let keys: TestServer
    const service = new Service()
    before(async () => {
      keys = await devServer()
    })
    after(async () => {
      await service.stop()
      await keys.running.stop()
    })

    it('initialises, and unseals itself after a restart, with a token that may use one key', async () => {
      await keys.data('POST', 'sys/mounts/transit', { type: 'transit' })
      await keys.data('POST', 'transit/keys/unseal', {})
      const token = await keys.tokenWith('path "transit/+/unseal" { capabilities = ["update"] }\npath "auth/token/*" { capabilities = ["update", "read"] }') // prettier-ignore
      const [port, cluster] = [await freePort(), await freePort()]
      const address = `http://127.0.0.1:${port}`
      mkdirSync(join(service.folder, 'raft'))
      const config = join(service.folder, 'bao.hcl')
      writeFileSync(
        config,
        `storage "raft" {\n path = "${service.folder}/raft"\n node_id = "one"\n}
listener "tcp" {\n address = "127.0.0.1:${port}"\n tls_disable = true\n}
cluster_addr = "http://127.0.0.1:${cluster}"\napi_addr = "${address}"
seal "transit" {\n address = "${keys.running.address}"\n token = "${token}"\n key_name = "unseal"\n mount_path = "transit/"\n}\n`,
      )
      const status = async (): Promise<number> =>
        (await run(bao, ['status'], { env: { HOME: service.folder, BAO_ADDR: address } })).code
      service.start(bao, ['server', `-config=${config}`])
      await service.until('bao answers, sealed', async () => (await status()) === 2)
      const made = await run(bao, ['operator', 'init'], { env: { HOME: service.folder, BAO_ADDR: address } })
      expect(made.out).to.match(/Recovery Key 5: /)
      await service.until('bao is unsealed', async () => (await status()) === 0)
      await service.stop()
      service.start(bao, ['server', `-config=${config}`])
      await service.until('bao is unsealed again', async () => (await status()) === 0)
    })
  })

  describe('its command line, with our server that a seal unseals', () => {
    let server: RunningServer
    const folder = temporaryFolder()
    before(async () => {
      server = await startServer({ config: [sealedConfig(folder, staticSeal(keyFile(folder, 'k')))], log: () => {} })
    })
    after(async () => server.stop())

    it('initialises it with recovery keys, seals it, and unseals it with them', async () => {
      const types = async (words: string, token = '') =>
        run(bao, words.split(' '), { env: { HOME: folder, BAO_ADDR: server.address, BAO_TOKEN: token } })
      const { out } = await types('operator init -recovery-shares=2 -recovery-threshold=2')
      const recovery = [...out.matchAll(/^Recovery Key \d: (\S+)$/gm)].map(([, key]) => key as string)
      const [, token = ''] = /^Initial Root Token: (\S+)$/m.exec(out) ?? []
      expect(recovery).to.have.length(2)
      expect((await types('status')).out)
        .to.match(/^Recovery Seal Type +shamir$/m)
        .and.match(/^Sealed +false$/m)
      expect((await types('operator seal', token)).code).to.equal(0)
      expect((await types('status')).code).to.equal(2)
      for (const key of recovery) expect((await types(`operator unseal ${key}`)).code).to.equal(0)
      expect((await types('status')).code).to.equal(0)
      const begun = await types('operator rekey -target=recovery -init -key-shares=1 -key-threshold=1 -format=json')
      const { nonce } = JSON.parse(begun.out) as { readonly nonce: string }
      for (const key of recovery) {
        const { code, out: answer } = await types(`operator rekey -target=recovery -nonce=${nonce} ${key}`)
        expect(code, answer).to.equal(0)
      }
    })
  })
})
