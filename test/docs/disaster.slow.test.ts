import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { examplesOf } from './runner/examples.ts'
import { Host } from './runner/host.ts'

const page = 'docs/disaster.md'

describe('docs/disaster.md', function () {
  this.timeout(180_000)
  let host: Host | undefined
  afterEach(async () => host?.stop())

  async function withSecret(more = ''): Promise<Host> {
    host = await Host.start(more)
    await host.as(host.token, 'secrets enable -path=secret -version=2 kv')
    writeFileSync(join(host.reader.folder, '.vault-token'), host.token)
    expect((await host.as(host.token, 'kv put -mount=secret db password=first')).code).to.equal(0)
    return host
  }
  const secretOf = async ({ token }: Host): Promise<string> =>
    (await host?.as(token, 'kv get -mount=secret -field=password db'))?.out ?? ''

  it('leads from a snapshot to a server on a new disk', async () => {
    const lost = await withSecret()
    const { folder } = lost.reader
    expect((await lost.as(lost.token, `operator snapshot save ${folder}/latest.snap`)).code).to.equal(0)
    await lost.stop()
    for (const name of ['data', 'audit.log', 'audit.log.checkpoints', 'audit.log.vkeys'])
      rmSync(join(folder, name), { recursive: true, force: true })
    await lost.follows(page, 'disk')
    expect(await secretOf(lost)).to.equal('first')
  })

  it('leads out when the audit log is lost', async () => {
    const lost = await withSecret()
    await lost.stop()
    rmSync(join(lost.reader.folder, 'audit.log'))
    await lost.follows(page, 'log')
    expect(await secretOf(lost)).to.equal('first')
  })

  it('unseals with recovery keys when the seal is lost', async () => {
    const lost = await withSecret(`seal "static" {
  current_key_id = "one"
  current_key    = "file://$FOLDER/unseal.key"
}
recovery_keys = "unseal"`)
    await lost.stop()
    rmSync(join(lost.reader.folder, 'unseal.key'))
    await lost.follows(page, 'seal')
    expect(await secretOf(lost)).to.equal('first')
    // The new key unseals from now on.
    await lost.bash('systemctl restart strongroom; until strongroom status > status; do sleep 0.1; done')
    expect(await secretOf(lost)).to.equal('first')
  })

  it('replaces the shares when one of them is lost', async () => {
    const lost = await withSecret()
    const printed = await lost.follows(page, 'share')
    expect(printed).to.match(/Key 5: /)
    expect(await secretOf(lost)).to.equal('first')
  })

  it('moves everything to a new server when too few shares are left', async () => {
    const lost = await withSecret()
    const next = await Host.start()
    try {
      writeFileSync(join(lost.reader.folder, 'old-token'), lost.token)
      const [old, target] = [lost.shell.env, next.shell.env]
      await lost.bash(`export OLD=${old['VAULT_ADDR']} CA=${old['VAULT_CACERT']} VAULT_TOKEN=${next.token}
export VAULT_ADDR=${target['VAULT_ADDR']} VAULT_CACERT=${target['VAULT_CACERT']}
${examplesOf(page, 'move')
  .map(({ code }) => code)
  .join('\n')}`)
      expect((await next.as(next.token, 'kv get -mount=secret -field=password db')).out).to.equal('first')
    } finally {
      await next.stop()
    }
  })
})
