import { generateKeyPairSync } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect } from 'chai'
import { heavy, slow } from '../../../src/crypto/workers/heavy.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const turnedAway = 'the server is stopping: nothing was changed, try again later'

describe('heavy cryptography', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(() => server.running.stop())

  it('answers 503 with Retry-After when too many wait, and changes nothing', async () => {
    const taken = Array.from({ length: 66 }, async () => slow.run('generateRsa', 4096).catch(() => {}))
    const full = await server.call('POST', '/v1/transit/keys/late', { type: 'rsa-2048' })
    expect([full.status, Number(full.headers['retry-after'])]).to.deep.equal([503, 10])
    expect((await server.call('GET', '/v1/transit/keys/late')).status).to.equal(404)
    expect((await server.call('POST', '/v1/transit/keys/light', { type: 'ed25519' })).status).to.equal(200)
    const nothing = await server.call('POST', '/v1/transit/keys/nothing/import', { type: 'ed25519' })
    expect(nothing.status, 'an import without a ciphertext needs no wrapping key').to.equal(400)
    await slow.end()
    await Promise.all(taken)
    expect((await server.call('POST', '/v1/transit/keys/late', { type: 'rsa-2048' })).status).to.equal(200)
  })

  it('answers 503 when too many wait for a private operation, while others go on', async () => {
    await server.data('POST', 'transit/keys/little', {})
    await server.data('POST', 'transit/keys/rsa', { type: 'rsa-2048' })
    const input = Buffer.from('x')
    const { privateKey: key } = generateKeyPairSync('rsa', { modulusLength: 4096 })
    const options = { hash: 'sha2-256', prehashed: false, padding: 'pss', salt: 'auto', jws: false } as const
    const job = { family: 'rsa', key, input, options } as const
    const taken = Array.from({ length: 1040 }, async () => heavy.run('sign', job).catch(() => {}))
    // More than the threads can make room for until it is read.
    const sent = { batch_input: Array.from({ length: 32 }, () => ({ input: 'eA==' })) }
    const [full, light] = await Promise.all([
      server.call('POST', '/v1/transit/sign/rsa', sent),
      server.call('POST', '/v1/transit/encrypt/little', { plaintext: 'eA==' }),
    ])
    expect([full.status, full.headers['retry-after'], light.status]).to.deep.equal([503, '1', 200])
    await heavy.end()
    await Promise.all(taken)
    const { batch_results: made } = await server.data('POST', 'transit/sign/rsa', sent)
    const signatures = (made as { signature: string }[]).map(({ signature }) => ({ input: 'eA==', signature }))
    const { batch_results: valid } = await server.data('POST', 'transit/verify/rsa', { batch_input: signatures })
    expect((valid as { valid: boolean }[]).map((one) => one.valid)).to.deep.equal(signatures.map(() => true))
  })

  it('keeps encrypting while 64 RSA-4096 keys are requested at once; each is created or clearly refused', async function () {
    this.timeout(5 * 60_000)
    await server.data('POST', 'transit/keys/small', {})
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    const asked = Array.from({ length: 64 }, (_, number) =>
      server.call('POST', `/v1/transit/keys/big${number}`, { type: 'rsa-4096' }),
    )
    let small = 0
    for (const until = performance.now() + 8000; performance.now() < until; small++)
      await server.data('POST', 'transit/encrypt/small', { plaintext: 'aGk=' })
    delay.disable()
    console.log(`      loop delay p99 ${(delay.percentile(99) / 1e6).toFixed(1)} ms; ${small} small encryptions`)
    expect(small).to.be.greaterThan(200)
    expect(delay.percentile(99) / 1e6, 'p99 of the loop delay, ms').to.be.lessThan(50)
    // A stop turns the others away; nothing is left half done.
    await slow.end()
    const replies = await Promise.all(asked)
    expect(replies.some(({ status }) => status === 200)).to.equal(true)
    for (const [number, { status, text }] of replies.entries()) {
      if (status !== 200) expect([status, text]).to.deep.equal([503, `{"errors":["${turnedAway}"]}\n`])
      expect((await server.call('GET', `/v1/transit/keys/big${number}`)).status).to.equal(status === 200 ? 200 : 404)
    }
  })

  it('encrypts again with another key, and each key decrypts only its own ciphertexts', async () => {
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
