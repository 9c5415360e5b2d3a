import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { initialise, keyServer, ready, serve, stop, stopAll } from '../../support/seal-servers.ts'
import { keyFile, staticSeal } from '../../support/seals.ts'
import type { Body, TestServer } from '../../support/server.ts'

const backends = async (server: TestServer): Promise<Body> => {
  const { status, body } = await server.call('GET', '/v1/sys/seal-backend-status', undefined, { 'X-Vault-Token': '' })
  expect(status).to.equal(200)
  return body
}

/** Waits until it says something, ten seconds at most. */
async function says(server: TestServer, wanted: Body): Promise<Body> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline;) {
    const body = await backends(server)
    if (Object.entries(wanted).every(([name, value]) => body[name] === value)) return body
  }
  throw new Error(
    `sys/seal-backend-status never said ${JSON.stringify(wanted)}: ${JSON.stringify(await backends(server))}`,
  )
}

describe('sys/seal-backend-status', () => {
  afterEach(stopAll)

  it('knows key shares as the seal of a server without another', async () => {
    const server = await serve(temporaryFolder(), '')
    expect(await backends(server)).to.deep.equal({ healthy: true, backends: [{ name: 'shamir', healthy: true }], fully_wrapped: false }) // prettier-ignore
    await initialise(server, 'secret')
    expect(await backends(server)).to.include({ healthy: true, fully_wrapped: true })
  })

  it('tells that a seal fails, since when, and that it works again, as metrics and the log do', async () => {
    const folder = temporaryFolder()
    const clock = new HandClock()
    const { server: keys, block } = await keyServer()
    const log: string[] = []
    const server = await serve(folder, `${staticSeal(keyFile(folder, 'k'))}\n${block('name = "headquarters"')}`, log, { clock }) // prettier-ignore
    await says(server, { healthy: true, fully_wrapped: false })
    await initialise(server)
    await says(server, { healthy: true, fully_wrapped: true })
    await keys.call('POST', '/v1/sys/seal')
    clock.advance(10 * 60_000)
    const since = new Date(clock.now()).toISOString().replace('Z', '000000Z')
    const broken = await says(server, { healthy: false })
    expect(broken).to.deep.equal({
      healthy: false,
      unhealthy_since: since,
      backends: [
        { name: 'static', healthy: true },
        { name: 'headquarters', healthy: false, unhealthy_since: since },
      ],
      fully_wrapped: true,
    })
    expect(log.filter((line) => line.includes('does not work') && line.includes('headquarters'))).to.have.length(1)
    clock.advance(30_000)
    const metrics = (await server.call('GET', '/v1/sys/metrics?format=prometheus')).text
    expect(metrics).to.match(/^vault_seal_healthy\{name="headquarters",type="transit"\} 0$/m)
    expect(metrics).to.match(/^vault_seal_healthy\{name="static",type="static"\} 1$/m)
    expect(metrics).to.match(/^vault_seal_unreachable_time\{name="headquarters",type="transit"\} 30000$/m)
    expect(metrics).to.match(/^vault_seal_check_time\{name="static",type="static"\} \d+$/m)
    await keys.call('PUT', '/v1/sys/unseal', { key: keys.running.unsealKey })
    clock.advance(30_000)
    await says(server, { healthy: true })
    expect(log.filter((line) => line.includes('works again') && line.includes('headquarters'))).to.have.length(1)
  })

  it('tells that a seal works, and does not decrypt the unseal key of this storage any more', async () => {
    const clock = new HandClock()
    const { server: keys, block } = await keyServer()
    const log: string[] = []
    const server = await serve(temporaryFolder(), block(), log, { clock })
    await initialise(server)
    await says(server, { healthy: true, fully_wrapped: true })
    await keys.call('POST', '/v1/transit/keys/unseal/rotate', {})
    await keys.call('POST', '/v1/transit/keys/unseal/config', { min_decryption_version: 2 })
    clock.advance(10 * 60_000)
    await says(server, { healthy: false })
    expect(log.join()).to.match(/it does not decrypt the unseal key of the storage any more: .*status 400/)
    await keys.call('POST', '/v1/transit/keys/unseal/config', { min_decryption_version: 1 })
    clock.advance(60_000)
    await says(server, { healthy: true })
  })

  it('tells that an added seal cannot unseal yet', async () => {
    const folder = temporaryFolder()
    const { server: keys, block } = await keyServer()
    const key = staticSeal(keyFile(folder, 'k'))
    const server = await serve(folder, key)
    await initialise(server)
    await stop(server)
    await keys.call('POST', '/v1/sys/seal')
    const both = await serve(folder, `${key}\n${block()}`)
    await ready(both)
    await says(both, { healthy: false, fully_wrapped: false })
    await stop(both)
    await keys.call('PUT', '/v1/sys/unseal', { key: keys.running.unsealKey })
    await says(await serve(folder, `${key}\n${block()}`), { healthy: true, fully_wrapped: true })
  })
})
