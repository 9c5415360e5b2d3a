import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { errorOf, give, initialise, keyServer, ready, secretOf, serve, started, status, stop, stopAll, writeSecret } from '../../support/seal-servers.ts' // prettier-ignore
import { keyFile, staticSeal } from '../../support/seals.ts'
import type { TestServer } from '../../support/server.ts'

/** Other recovery keys, by `sys/rotate/recovery`, verified before they count. */
async function rotated(server: TestServer, key: string): Promise<string[]> {
  const at = 'sys/rotate/recovery'
  const counts = { secret_shares: 1, secret_threshold: 1, require_verification: true }
  const { nonce } = await server.data('PUT', `${at}/init`, counts)
  const made = await server.data('PUT', 'sys/rotate/recovery/update', { key, nonce })
  const keys = made['keys'] as string[]
  const verified = await server.data('PUT', 'sys/rotate/recovery/verify', { key: keys[0], nonce: made['verification_nonce'] }) // prettier-ignore
  expect(verified).to.include({ complete: true })
  return keys
}

describe('auto-unseal', () => {
  afterEach(stopAll)

  it('initialises with recovery keys, is unsealed at once, and unseals itself after a restart', async () => {
    const folder = temporaryFolder()
    const seal = staticSeal(keyFile(folder, 'k'))
    const server = await serve(folder, seal)
    expect(await status(server)).to.include({ type: 'static', initialized: false, sealed: true, recovery_seal: true })
    const foreign = await server.call('PUT', '/v1/sys/init', { secret_shares: 3, secret_threshold: 2 })
    expect(errorOf(foreign)).to.equal(
      '400 parameters secret_shares,secret_threshold not applicable to seal type static',
    )
    expect((await server.call('PUT', '/v1/sys/init', {})).status).to.equal(400)
    const made = await server.call('PUT', '/v1/sys/init', { recovery_shares: 3, recovery_threshold: 2 })
    expect(made.body).to.have.all.keys('keys', 'keys_base64', 'recovery_keys', 'recovery_keys_base64', 'root_token')
    expect(made.body['keys']).to.deep.equal([])
    expect(made.body['recovery_keys']).to.have.length(3)
    server.token = String(made.body['root_token'])
    expect(await status(server)).to.include({ sealed: false, t: 2, n: 3, recovery_seal: true, recovery_seal_type: 'shamir', migration: false }) // prettier-ignore
    await writeSecret(server)
    await stop(server)
    const again = await serve(folder, seal)
    await ready(again)
    expect(await secretOf(again, server.token)).to.deep.equal({ a: '1' })
  })

  it('stays sealed after an operator sealed it, until recovery keys unseal it', async () => {
    const folder = temporaryFolder()
    const clock = new HandClock()
    const server = await serve(folder, staticSeal(keyFile(folder, 'k')), [], { clock })
    const shares = await initialise(server)
    expect((await server.call('PUT', '/v1/sys/seal')).status).to.equal(204)
    clock.advance(60_000)
    expect(await status(server)).to.include({ sealed: true, t: 2, progress: 0 })
    const other = Buffer.from(randomBytes(33)).toString('hex')
    expect((await give(server, [shares[0] as string, other])).status).to.equal(400)
    expect((await give(server, shares)).body).to.include({ sealed: false })
  })

  it('drops the shares of an unseal that another one overtook', async () => {
    const folder = temporaryFolder()
    const { server: keys, block } = await keyServer()
    const seal = `${block()}\nrecovery_keys = "unseal"`
    const server = await serve(folder, seal)
    const shares = await initialise(server)
    await stop(server)
    await keys.call('POST', '/v1/sys/seal')
    const clock = new HandClock()
    const again = await serve(folder, seal, [], { clock })
    expect((await again.call('PUT', '/v1/sys/unseal', { key: shares[0] })).body).to.include({ progress: 1 })
    await keys.call('PUT', '/v1/sys/unseal', { key: keys.running.unsealKey })
    clock.advance(5000)
    await ready(again)
    await again.call('PUT', '/v1/sys/seal', undefined, { 'X-Vault-Token': server.token })
    expect(await status(again)).to.include({ sealed: true, progress: 0 })
  })

  it('authorises by recovery keys: a root token, and other recovery keys', async () => {
    const folder = temporaryFolder()
    const seal = staticSeal(keyFile(folder, 'k'))
    const server = await serve(folder, seal)
    const shares = await initialise(server)
    const barrier = await server.call('PUT', '/v1/sys/rekey/init', { secret_shares: 1, secret_threshold: 1 })
    expect(errorOf(barrier)).to.match(/^400 .*rekey-recovery-key/)
    const begun = await server.call('PUT', '/v1/sys/generate-root/attempt', {})
    const { nonce } = begun.body
    await server.call('PUT', '/v1/sys/generate-root/update', { key: shares[0], nonce })
    const token = await server.call('PUT', '/v1/sys/generate-root/update', { key: shares[2], nonce })
    expect(token.body).to.include({ complete: true })
    const rekey = await server.call('PUT', '/v1/sys/rekey-recovery-key/init', { secret_shares: 1, secret_threshold: 1 })
    expect(rekey.body).to.include({ required: 2, n: 1 })
    await server.call('PUT', '/v1/sys/rekey-recovery-key/update', { key: shares[0], nonce: rekey.body['nonce'] })
    const done = await server.call('PUT', '/v1/sys/rekey-recovery-key/update', { key: shares[1], nonce: rekey.body['nonce'] }) // prettier-ignore
    const [next] = done.body['keys'] as string[]
    await writeSecret(server)
    await stop(server)
    const again = await serve(folder, seal)
    await ready(again)
    expect(await secretOf(again, server.token)).to.deep.equal({ a: '1' })
    again.token = server.token
    const [newest] = await rotated(again, next as string)
    await again.call('PUT', '/v1/sys/seal', undefined, { 'X-Vault-Token': server.token })
    expect((await give(again, shares)).body['sealed'] ?? true).to.equal(true)
    await again.call('PUT', '/v1/sys/unseal', { reset: true })
    expect((await again.call('PUT', '/v1/sys/unseal', { key: newest })).body).to.include({ sealed: false })
  })

  it('stays sealed without its key, says why once, and unseals by itself when the key is there again', async () => {
    const folder = temporaryFolder()
    const { server: keys, block } = await keyServer()
    const server = await serve(folder, block())
    const shares = await initialise(server)
    await stop(server)
    await keys.call('POST', '/v1/sys/seal')
    const log: string[] = []
    const clock = new HandClock()
    const again = await serve(folder, block(), log, { clock })
    while (log.length === 0 || !log.join('').includes('unseal itself')) await status(again)
    for (let turn = 0; turn < 3; turn++) {
      clock.advance(5000)
      for (let request = 0; request < 5; request++) await status(again)
    }
    expect(await status(again)).to.include({ sealed: true })
    expect(log.filter((line) => line.includes('could not unseal itself'))).to.have.length(1)
    // Recovery keys only authorise: they decrypt nothing.
    expect(errorOf(await give(again, shares))).to.match(
      /^503 .*transit: the server with the transit key cannot be used/,
    )
    await keys.call('PUT', '/v1/sys/unseal', { key: keys.running.unsealKey })
    clock.advance(5000)
    await ready(again)
  })

  it('lets recovery keys unseal when every seal is lost, where the configuration says so', async () => {
    const folder = temporaryFolder()
    const breakGlass = 'recovery_keys = "unseal"'
    const server = await serve(folder, `${staticSeal(keyFile(folder, 'k'))}\n${breakGlass}`)
    const shares = await initialise(server)
    await writeSecret(server)
    await stop(server)
    const lost = await serve(folder, `${staticSeal(keyFile(folder, 'other'))}\n${breakGlass}`)
    expect(await status(lost)).to.include({ sealed: true })
    expect((await give(lost, shares)).body).to.include({ sealed: false })
    expect(await secretOf(lost, server.token)).to.deep.equal({ a: '1' })
    // The new key has taken the place of the lost one.
    await stop(lost)
    await ready(await serve(folder, `${staticSeal(join(folder, 'other'))}\n${breakGlass}`))
  })

  it('encrypts the unseal key again when another server replaced that of a transit key', async () => {
    const folder = temporaryFolder()
    const [first, second] = [await keyServer(), await keyServer()]
    const mode = 'recovery_keys = "unseal"'
    const server = await serve(folder, `${first.block()}\n${mode}`)
    const shares = await initialise(server)
    await stop(server)
    await stop(first.server)
    const moved = await serve(folder, `${second.block()}\n${mode}`)
    expect((await give(moved, shares)).body).to.include({ sealed: false })
    await stop(moved)
    await ready(await serve(folder, `${second.block()}\n${mode}`))
  })

  it('changes to another static key, and needs the previous one no more', async () => {
    const folder = temporaryFolder()
    const [one, two] = [keyFile(folder, '1'), keyFile(folder, '2')]
    const server = await serve(folder, staticSeal(one))
    await initialise(server)
    await stop(server)
    const log: string[] = []
    const without = await serve(folder, staticSeal(two, 'two'), log)
    await without.call('GET', '/v1/sys/health')
    expect(await status(without)).to.include({ sealed: true })
    expect(log.join('')).to.include('configure it as previous_key')
    await stop(without)
    const changed = await serve(folder, staticSeal(two, 'two', `previous_key_id = "one"\n previous_key = "file://${one}"`)) // prettier-ignore
    await ready(changed)
    await stop(changed)
    await ready(await serve(folder, staticSeal(two, 'two')))
  })

  it('unseals by any one of several seals', async () => {
    const folder = temporaryFolder()
    const key = keyFile(folder, 'k')
    const { server: keys, block } = await keyServer()
    const server = await serve(folder, staticSeal(key))
    await initialise(server)
    await stop(server)
    const both = await serve(folder, `${block()}\n${staticSeal(key)}`)
    await ready(both)
    await stop(both)
    await ready(await serve(folder, block())).finally(async () => stop(started.at(-1) as TestServer))
    const again = await serve(folder, `${block()}\n${staticSeal(key)}`)
    await ready(again)
    await stop(again)
    await stop(keys)
    await ready(await serve(folder, `${block()}\n${staticSeal(key)}`))
  })
})

describe('a change of the seal', () => {
  afterEach(stopAll)

  for (const recovery of ['authorize', 'unseal'])
    it(`goes from shares to a seal and back; recovery_keys = "${recovery}"`, async () => {
      const folder = temporaryFolder()
      const key = keyFile(folder, 'k')
      const mode = `recovery_keys = "${recovery}"`
      const shared = await serve(folder, '')
      const shares = await initialise(shared, 'secret')
      await give(shared, shares)
      await writeSecret(shared)
      await stop(shared)

      const automatic = await serve(folder, `${staticSeal(key)}\n${mode}`)
      expect(await status(automatic)).to.include({ sealed: true, type: 'static', migration: true })
      expect(errorOf(await give(automatic, shares))).to.match(/^400 .*-migrate/)
      expect((await give(automatic, shares, { migrate: true })).body).to.include({ sealed: false, migration: false })
      expect(await secretOf(automatic, shared.token)).to.deep.equal({ a: '1' })
      await stop(automatic)
      const again = await serve(folder, `${staticSeal(key)}\n${mode}`)
      await ready(again)
      expect((await again.call('PUT', '/v1/sys/unseal', { key: shares[0], migrate: true })).status).to.equal(200)
      await stop(again)

      const back = await serve(folder, `${staticSeal(key, 'one', 'disabled = true')}\n${mode}`)
      expect(await status(back)).to.include({ sealed: true, type: 'shamir', migration: true, recovery_seal: false })
      expect((await give(back, shares, { migrate: true })).body).to.include({ sealed: false, migration: false })
      await stop(back)
      const last = await serve(folder, '')
      expect((await give(last, shares)).body).to.include({ sealed: false })
      expect(await secretOf(last, shared.token)).to.deep.equal({ a: '1' })
    })

  it('changes nothing when the new seal is not reachable', async () => {
    const folder = temporaryFolder()
    const { server: keys, block } = await keyServer()
    const shared = await serve(folder, '')
    const shares = await initialise(shared, 'secret')
    await stop(shared)
    await stop(keys)
    const failing = await serve(folder, block())
    expect(errorOf(await give(failing, shares, { migrate: true }))).to.match(/^503 .*transit/)
    expect(await status(failing)).to.include({ sealed: true, migration: true })
    await stop(failing)
    expect((await give(await serve(folder, ''), shares)).body).to.include({ sealed: false })
  })

  it('refuses a migration that is not configured', async () => {
    const folder = temporaryFolder()
    const server = await serve(folder, '')
    const shares = await initialise(server, 'secret')
    expect(errorOf(await give(server, shares, { migrate: true }))).to.match(/^400 can't perform a seal migration/)
    expect(await status(server)).to.include({ progress: 0 })
  })
})
