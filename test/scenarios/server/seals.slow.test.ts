import { expect } from 'chai'
import { Moto } from '../../clients/programs/moto.ts'
import { HandClock } from '../../support/clock.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { errorOf, give, initialise, keyServer, ready, secretOf, serve, started, status, stop, stopAll, writeSecret } from '../../support/seal-servers.ts' // prettier-ignore
import type { Body, Reply, TestServer } from '../../support/server.ts'
import { Gate } from '../../support/services/gate.ts'
import { SoftHsm, hasSoftHsm } from '../../support/services/softhsm.ts'
import { DyingStorage } from '../../support/storages/dying-storage.ts'

/** A kind of seal, with a key that is there. */
interface Kind {
  readonly block: (more?: string) => string
  /** Takes what has the key away. @returns puts it back */
  readonly takeAway?: () => () => unknown
}

/** Makes each kind. What one of them lacks on this machine leaves out its tests. */
const kinds = {
  transit: async (): Promise<Kind> => {
    const { server, block } = await keyServer()
    started.splice(started.indexOf(server), 1)
    lasting.push(async () => server.running.stop())
    const gate = await Gate.before(server.running.address)
    lasting.push(() => gate.close())
    return { block: (more) => block(more).replace(server.running.address, gate.address), takeAway: () => shut(gate) }
  },
  awskms: async (here: Mocha.Context): Promise<Kind> => {
    const moto = await Moto.start(here)
    lasting.push(async () => moto.stop())
    const gate = await Gate.before(moto.address)
    lasting.push(() => gate.close())
    const { KeyMetadata } = await moto.json('kms', 'TrentService.CreateKey', {})
    const { accessKey, secretKey } = moto.credentials
    const id = String((KeyMetadata as Body)['KeyId'])
    const block = (more = '') =>
      `seal "awskms" {\n kms_key_id = "${id}"\n endpoint = "${gate.address}"\n access_key = "${accessKey}"\n secret_key = "${secretKey.reveal()}"\n ${more}\n}`
    return { block, takeAway: () => shut(gate) }
  },
  pkcs11: async (here: Mocha.Context): Promise<Kind> => {
    if (!hasSoftHsm()) leaveOut(here, 'no SoftHSM on this machine: `make test-seals` brings it')
    const hsm = new SoftHsm().token('lab').aesKey('lab', 'unseal', '01')
    return { block: (more = '') => hsm.block('lab', `key_label = "unseal"\n ${more}`), takeAway: () => hsm.pull() }
  },
} as const
type Name = keyof typeof kinds

const lasting: (() => unknown)[] = []
const shut = (gate: Gate): (() => void) => {
  gate.isOpen = false
  return () => void (gate.isOpen = true)
}

const made = new Map<Name, Promise<Kind>>()
/** The kind, made once. */
async function kindOf(here: Mocha.Context, name: Name): Promise<Kind> {
  const found = made.get(name) ?? kinds[name](here)
  made.set(name, found)
  return found.catch(() => leaveOut(here, `${name} is left out above`))
}

const unsealed = async (server: TestServer, shares: readonly string[]): Promise<void> => {
  const { recovery_seal: isAuto } = await status(server)
  if (isAuto === true) await ready(server)
  else expect((await give(server, shares)).body).to.include({ sealed: false })
}

/** It goes without a word, whatever its storage does. */
async function die(server: TestServer): Promise<void> {
  started.splice(started.indexOf(server), 1)
  await server.running.stop().catch(() => {})
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 10_000; !(await holds());) {
    expect(performance.now()).to.be.lessThan(deadline)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('every kind of seal', function () {
  this.timeout(180_000)
  afterEach(stopAll)
  after(async () => {
    for (const end of lasting.toReversed()) await end()
  })

  for (const name of ['transit', 'awskms', 'pkcs11'] as const) {
    it(`${name}: stays sealed without its key, says why once, and unseals by itself when it is there again`, async function () {
      const { block, takeAway } = await kindOf(this, name)
      const folder = temporaryFolder()
      const server = await serve(folder, block())
      const shares = await initialise(server)
      await writeSecret(server)
      await stop(server)
      const putBack = takeAway?.()
      const log: string[] = []
      const clock = new HandClock()
      const again = await serve(folder, block(), log, { clock })
      const failures = (): number => log.filter((line) => line.includes('could not unseal itself')).length
      await until(() => failures() > 0)
      await until(() => log.join('').includes('does not work'))
      expect(errorOf(await give(again, shares))).to.match(new RegExp(`^503 .*${name}: .* cannot be used`))
      await putBack?.()
      clock.advance(5000)
      await ready(again)
      expect(failures()).to.equal(1)
      expect(await secretOf(again, server.token)).to.deep.equal({ a: '1' })
    })

    it(`${name}: recovery keys stay as they are when it is away while others are made`, async function () {
      const { block, takeAway } = await kindOf(this, name)
      const folder = temporaryFolder()
      const server = await serve(folder, block())
      const shares = await initialise(server)
      const putBack = takeAway?.()
      expect(errorOf(await replaced(server, shares))).to.match(/^503 .*cannot be used/)
      await putBack?.()
      await stop(server)
      const again = await serve(folder, block())
      await ready(again)
      expect((await replaced(again, shares)).body).to.include({ complete: true })
    })
  }

  for (const name of ['awskms', 'pkcs11', 'transit'] as const)
    for (const [from, to] of [
      ['shares', name],
      [name, 'shares'],
    ] as const)
      it(`a change from ${from} to ${to} is done, or not begun and repeated, wherever the server dies`, async function () {
        const kind = await kindOf(this, name)
        const [before, now] = from === 'shares' ? ['', kind.block()] : [kind.block(), kind.block('disabled = true')]
        for (const step of ['away', 'before', 'after'] as const) {
          if (step === 'away' && !kind.takeAway) continue
          const [folder, storage] = [temporaryFolder(), new DyingStorage()]
          const first = await serve(folder, before, [], { storage })
          const shares = await initialise(first, from === 'shares' ? 'secret' : 'recovery')
          await unsealed(first, shares)
          await writeSecret(first)
          await stop(first)

          const second = await serve(folder, now, [], { storage })
          expect(await status(second)).to.include({ sealed: true, migration: true })
          const putBack = step === 'away' ? kind.takeAway?.() : undefined
          if (step !== 'away') storage.dies = step
          const reply = await give(second, shares, { migrate: true })
          if (step !== 'after') expect(reply.status, `${step}: ${reply.text}`).to.be.greaterThan(399)
          await die(second)
          storage.revive()
          await putBack?.()

          if (step === 'before') {
            const old = await serve(folder, before, [], { storage })
            await unsealed(old, shares)
            expect(await secretOf(old, first.token)).to.deep.equal({ a: '1' })
            await stop(old)
          }
          const third = await serve(folder, now, [], { storage })
          const { migration } = await status(third)
          expect(migration, step).to.equal(step !== 'after')
          if (migration === true) expect((await give(third, shares, { migrate: true })).body).to.include({ sealed: false, migration: false }) // prettier-ignore
          await unsealed(third, shares)
          expect(await secretOf(third, first.token)).to.deep.equal({ a: '1' })
          await stop(third)
        }
      })

  it('a change from awskms to pkcs11 is repeated when the server dies before it is done', async function () {
    const [older, newer] = [await kindOf(this, 'awskms'), await kindOf(this, 'pkcs11')]
    const [folder, storage] = [temporaryFolder(), new DyingStorage()]
    const first = await serve(folder, older.block(), [], { storage })
    await initialise(first)
    await writeSecret(first)
    await stop(first)
    storage.dies = 'before'
    const both = `${newer.block()}\n${older.block()}`
    const log: string[] = []
    const second = await serve(folder, both, log, { storage })
    await until(() => log.join('').includes('could not encrypt the unseal key'))
    await die(second)
    storage.revive()
    await stop(await serveReady(folder, both, storage))
    const last = await serveReady(folder, newer.block(), storage)
    expect(await secretOf(last, first.token)).to.deep.equal({ a: '1' })
  })

  it('a drill: the HSM is lost, and KMS, then recovery keys, open the server', async function () {
    const [hsm, kms] = [await kindOf(this, 'pkcs11'), await kindOf(this, 'awskms')]
    const folder = temporaryFolder()
    const both = `${hsm.block()}\n${kms.block()}\nrecovery_keys = "unseal"`
    const server = await serve(folder, both)
    const shares = await initialise(server)
    await writeSecret(server)
    await stop(server)
    const putBack = hsm.takeAway?.()
    const byKms = await serve(folder, both)
    await ready(byKms)
    const backends = async () => (await byKms.call('GET', '/v1/sys/seal-backend-status')).body['backends'] as Body[]
    await until(async () => (await backends()).some(({ healthy }) => healthy === true))
    expect((await backends()).map(({ name, healthy }) => [name, healthy])).to.deep.equal([['pkcs11', false], ['awskms', true]]) // prettier-ignore
    await stop(byKms)
    const comesBack = kms.takeAway?.()
    const byPeople = await serve(folder, both)
    expect(await status(byPeople)).to.include({ sealed: true })
    expect((await give(byPeople, shares)).body).to.include({ sealed: false })
    expect(await secretOf(byPeople, server.token)).to.deep.equal({ a: '1' })
    await stop(byPeople)
    await comesBack?.()
    await putBack?.()
    await ready(await serve(folder, hsm.block()))
  })

  it('pkcs11: a key that encrypts, and that the HSM cannot decrypt with, takes no place of key shares', async function () {
    if (!hasSoftHsm()) leaveOut(this, 'no SoftHSM on this machine: `make test-seals` brings it')
    const before = process.env['SOFTHSM2_CONF']
    const [hsm, folder] = [new SoftHsm().token('a').rsaKey('a', 'k', '01'), temporaryFolder()]
    const server = await serve(folder, '')
    const shares = await initialise(server, 'secret')
    await unsealed(server, shares)
    await writeSecret(server)
    await stop(server)
    const changing = await serve(folder, hsm.block('a', 'key_label = "k"'))
    expect(errorOf(await give(changing, shares, { migrate: true }))).to.match(/^503 .*SoftHSM knows only "sha1"/)
    expect(await status(changing)).to.include({ sealed: true, migration: true })
    await stop(changing)
    const again = await serve(folder, '')
    await unsealed(again, shares)
    expect(await secretOf(again, server.token)).to.deep.equal({ a: '1' })
    process.env['SOFTHSM2_CONF'] = before
  })

  it('pkcs11: another key of the same name opens nothing', async function () {
    if (!hasSoftHsm()) leaveOut(this, 'no SoftHSM on this machine: `make test-seals` brings it')
    const before = process.env['SOFTHSM2_CONF']
    const [hsm, folder] = [
      new SoftHsm().token('a').token('b').aesKey('a', 'k', '01').aesKey('b', 'k', '01'),
      temporaryFolder(),
    ]
    const server = await serve(folder, hsm.block('a', 'key_label = "k"'))
    await initialise(server)
    await stop(server)
    const log: string[] = []
    const other = await serve(folder, hsm.block('b', 'key_label = "k"'), log)
    await until(() => log.join('').includes('could not unseal itself'))
    expect(log.join('\n')).to.match(/pkcs11: the key does not decrypt it/)
    expect(await status(other)).to.include({ sealed: true })
    process.env['SOFTHSM2_CONF'] = before
  })
})

/** A server that has unsealed itself. */
async function serveReady(folder: string, blocks: string, storage: DyingStorage): Promise<TestServer> {
  const server = await serve(folder, blocks, [], { storage })
  await ready(server)
  return server
}

/** Asks for other recovery keys. @returns the response to the last of the present ones */
async function replaced(server: TestServer, keys: readonly string[]): Promise<Reply> {
  const at = '/v1/sys/rekey-recovery-key'
  const { nonce } = (await server.call('PUT', `${at}/init`, { secret_shares: 1, secret_threshold: 1 })).body
  await server.call('PUT', `${at}/update`, { key: keys[0], nonce })
  return server.call('PUT', `${at}/update`, { key: keys[1], nonce })
}
