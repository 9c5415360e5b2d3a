import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect } from 'chai'
import { Gate, heavy } from '../../src/crypto/heavy.ts'
import { Fault } from '../../src/contract/fault.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

/** A task that ends when it is told to. */
function held(): { readonly task: () => Promise<void>; readonly release: () => void } {
  let release = (): void => {}
  const promise = new Promise<void>((resolve) => (release = resolve))
  return { task: () => promise, release }
}

describe('heavy cryptography', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(() => server.running.stop())

  it('lets so many run and so many wait, in order, and turns the others away', async () => {
    const gate = new Gate({ running: 1, waiting: 2 })
    const done: number[] = []
    const first = held()
    const running = gate.run(first.task)
    const waiting = [1, 2].map((number) => gate.run(async () => void done.push(number)))
    const refused = await gate.run(async () => void done.push(3)).catch((fault: unknown) => fault)
    expect(refused).to.be.instanceOf(Fault).with.property('code', 'unavailable')
    first.release()
    await Promise.all([running, ...waiting])
    expect(done).to.deep.equal([1, 2])
    await gate.run(() => Promise.reject(new Error('no'))).catch(() => {})
    expect(await gate.run(async () => 4), 'a failed task gives its place back').to.equal(4)
  })

  it('answers 503 with Retry-After when too many wait, and changes nothing', async () => {
    const blocker = held()
    const taken: Promise<void>[] = []
    for (let number = 0; number < 258; number++) taken.push(heavy.run(blocker.task))
    const full = await server.call('POST', '/v1/transit/keys/late', { type: 'rsa-2048' })
    expect([full.status, Number(full.headers['retry-after'])]).to.deep.equal([503, 5])
    expect((await server.call('GET', '/v1/transit/keys/late')).status).to.equal(404)
    expect((await server.call('POST', '/v1/transit/keys/light', { type: 'ed25519' })).status).to.equal(200)
    blocker.release()
    await Promise.all(taken)
    expect((await server.call('POST', '/v1/transit/keys/late', { type: 'rsa-2048' })).status).to.equal(200)
  })

  it('goes on encrypting while 64 RSA-4096 keys are asked for at once', async function () {
    this.timeout(10 * 60_000)
    await server.data('POST', 'transit/keys/small', {})
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    let open = 64
    const made = Array.from({ length: 64 }, async (_, number) => {
      const { status } = await server.call('POST', `/v1/transit/keys/big${number}`, { type: 'rsa-4096' })
      open--
      return status
    })
    let small = 0
    for (; open > 0; small++) await server.data('POST', 'transit/encrypt/small', { plaintext: 'aGk=' })
    delay.disable()
    expect(await Promise.all(made)).to.deep.equal(Array.from({ length: 64 }, () => 200))
    console.log(`      loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms; ${small} small encryptions`)
    expect(small).to.be.greaterThan(200)
    expect(delay.percentile(99) / 1e6, 'p99 of the loop delay, ms').to.be.lessThan(50)
  })

  it('makes no wrapping key for an import without a ciphertext', async () => {
    const blocker = held()
    const taken = [heavy.run(blocker.task), heavy.run(blocker.task)]
    const refused = await server.call('POST', '/v1/transit/keys/nothing/import', { type: 'ed25519' })
    expect(refused.status).to.equal(400)
    blocker.release()
    await Promise.all(taken)
  })

  it('encrypts again with another key, and each key opens only its own', async () => {
    for (const name of ['from', 'to']) await server.data('POST', `transit/keys/${name}`, {})
    const { ciphertext } = await server.data('POST', 'transit/encrypt/from', { plaintext: 'aGk=' })
    const moved = await server.data('POST', 'transit/reencrypt/from/to', { ciphertext })
    const opened = await server.data('POST', 'transit/decrypt/to', { ciphertext: moved['ciphertext'] })
    expect(opened['plaintext']).to.equal('aGk=')
    const wrong = await server.call('POST', '/v1/transit/decrypt/from', { ciphertext: moved['ciphertext'] })
    expect(wrong.status).to.equal(400)
    const batch = { batch_input: [{ ciphertext }, { ciphertext: 'vault:v1:AAAA' }] }
    const many = (await server.data('POST', 'transit/reencrypt/from/to', batch))['batch_results'] as object[]
    expect(many[0]).to.have.property('ciphertext')
    expect(many[1]).to.have.property('error')
    expect((await server.call('POST', '/v1/transit/reencrypt/from/none', { ciphertext })).status).to.equal(400)
    const token = await server.tokenWith('path "transit/reencrypt/from/to" { capabilities = ["update"] }')
    const other = await server.call('POST', '/v1/transit/reencrypt/to/from', { ciphertext }, { 'X-Vault-Token': token })
    expect(other.status).to.equal(403)
  })
})
