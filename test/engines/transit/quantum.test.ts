import { createPublicKey } from 'node:crypto'
import { ml_dsa65 } from '@noble/post-quantum/ml-dsa.js'
import { ml_kem768 } from '@noble/post-quantum/ml-kem.js'
import { expect } from 'chai'
import { derValue, tags } from '../../../src/crypto/encoding/der.ts'
import { wrapKey } from '../../../src/crypto/ciphers/key-wrap.ts'
import { pem } from '../../../src/crypto/encoding/pem.ts'
import { quantumAlgorithms, QuantumKey } from '../../../src/crypto/keys/post-quantum-keys.ts'
import type { QuantumName } from '../../../src/crypto/keys/post-quantum-keys.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const b64 = (bytes: Uint8Array | string): string => Buffer.from(bytes).toString('base64')
const input = b64('the message')
const body = (text: unknown): Uint8Array => Buffer.from(String(text).slice('vault:v1:'.length), 'base64')
const quick = (Object.keys(quantumAlgorithms) as QuantumName[]).filter((name) => !/shake|(192|256)f/.test(name))
const signers = quick.filter((name) => !name.startsWith('ml-kem'))
const kems = quick.filter((name) => name.startsWith('ml-kem'))

describe('post-quantum transit keys', function () {
  this.timeout(120_000)
  let server: TestServer
  let wrap: (material: Uint8Array) => string
  const post = (path: string, data: Body = {}) => server.data('POST', `transit/${path}`, data)
  const refused = async (path: string, data: Body): Promise<string> => {
    const reply = await server.call('POST', `/v1/transit/${path}`, data)
    expect(reply.status, `${path} ${reply.text}`).to.equal(400)
    return reply.text
  }
  const exported = async (kind: string, name: string, format: string): Promise<string> =>
    String(((await server.data('GET', `transit/export/${kind}/${name}?format=${format}`))['keys'] as Body)['1'])

  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    const key = createPublicKey(String((await server.data('GET', 'transit/wrapping_key'))['public_key']))
    wrap = (material) => b64(wrapKey(key, material, 'sha256', randomBytes))
    for (const name of quick) await post(`keys/${name}`, { type: name, exportable: true, allow_plaintext_backup: true })
  })
  after(() => server.running.stop())

  for (const name of signers)
    describe(name, () => {
      it('signs and verifies, bound to a context if there is one', async () => {
        const { signature } = await post(`sign/${name}`, { input })
        const { signature: bound } = await post(`sign/${name}`, { input, signature_context: b64('mail') })
        const verify = async (more: Body) => (await post(`verify/${name}`, { input, ...more }))['valid']
        expect(await verify({ signature })).to.equal(true)
        expect(await verify({ signature, input: b64('another') })).to.equal(false)
        expect(await verify({ signature, signature_context: b64('mail') })).to.equal(false)
        expect(await verify({ signature: bound, signature_context: b64('mail') })).to.equal(true)
        expect(await verify({ signature: bound })).to.equal(false)
        expect(await verify({ signature: 'vault:v1:AAAA' })).to.equal(false)
        await refused(`sign/${name}`, { input, prehashed: true })
        await refused(`sign/${name}`, { input, signature_context: b64('x'.repeat(256)) })
        await refused(`encrypt/${name}`, { plaintext: input })
      })
    })

  for (const name of kems)
    it(`${name}: both sides find the same secret`, async () => {
      const made = await post(`encapsulate/${name}`)
      expect(Buffer.from(String(made['shared_secret']), 'base64')).to.have.length(32)
      const { ciphertext } = made
      expect(await post(`decapsulate/${name}`, { ciphertext })).to.deep.equal({ shared_secret: made['shared_secret'] })
      const { batch_results: results } = await post(`decapsulate/${name}`, {
        batch_input: [{ ciphertext }, { ciphertext: 'vault:v1:AAAA' }, {}, { ciphertext: 'vault:v2:AAAA' }],
      })
      const [good, ...bad] = results as readonly Body[]
      expect(good).to.include({ shared_secret: made['shared_secret'] })
      for (const item of bad) expect(item).to.have.property('error')
      await refused(`sign/${name}`, { input })
      await refused(`encapsulate/ml-dsa-65`, {})
    })

  for (const name of quick)
    it(`${name}: exported, restored and imported keys work as before`, async () => {
      const kind = name.startsWith('ml-kem') ? 'encryption-key' : 'signing-key'
      const [raw, der] = [await exported(kind, name, 'raw'), await exported(kind, name, 'der')]
      expect(Buffer.from(raw, 'base64')).to.have.length(quantumAlgorithms[name].secretKeyBytes)
      expect(await exported(kind, name, '')).to.equal(pem('PRIVATE KEY', Buffer.from(der, 'base64')))
      const open = await exported('public-key', name, 'pem')
      expect(Buffer.from(await exported('public-key', name, 'raw'), 'base64')).to.have.length(
        quantumAlgorithms[name].publicKeyBytes,
      )
      const { backup } = await server.data('GET', `transit/backup/${name}`)
      await post(`restore/r-${name}`, { backup })
      await post(`keys/d-${name}/import`, { type: name, ciphertext: wrap(Buffer.from(der, 'base64')) })
      await post(`keys/s-${name}/import`, { type: name, ciphertext: wrap(Buffer.from(raw, 'base64')) })
      await post(`keys/p-${name}/import`, { type: name, public_key: open })
      for (const copy of ['r-', 'd-', 's-', 'p-'])
        expect(((await server.data('GET', `transit/keys/${copy}${name}`))['keys'] as Body)['1']).to.include({
          public_key: open,
        })
      await refused(`${kind === 'signing-key' ? 'sign' : 'decapsulate'}/p-${name}`, {
        input,
        ciphertext: 'vault:v1:AAAA',
      })
    })

  it('another implementation verifies the signatures, and shares the encapsulated secrets', async () => {
    const { signature } = await post('sign/ml-dsa-65', { input })
    const open = Buffer.from(await exported('public-key', 'ml-dsa-65', 'raw'), 'base64')
    expect(ml_dsa65.verify(body(signature), Buffer.from('the message'), open)).to.equal(true)
    const kem = Buffer.from(await exported('public-key', 'ml-kem-768', 'raw'), 'base64')
    const { cipherText, sharedSecret } = ml_kem768.encapsulate(kem)
    const ciphertext = `vault:v1:${b64(cipherText)}`
    expect(await post('decapsulate/ml-kem-768', { ciphertext })).to.deep.equal({ shared_secret: b64(sharedSecret) })
  })

  it('private keys with an expanded key beside the seed are read, unless the two contradict each other', async () => {
    const seed = randomBytes(32)
    const { secretKey } = ml_dsa65.keygen(seed)
    const both = (expanded: Uint8Array): string => {
      const inner = derValue(tags.sequence, derValue(tags.octetString, seed), derValue(tags.octetString, expanded))
      const der = new QuantumKey('ml-dsa-65', 'private', seed).der()
      const head = der.subarray(2, der.length - 36)
      return wrap(derValue(tags.sequence, head, derValue(tags.octetString, inner)))
    }
    await post('keys/both/import', { type: 'ml-dsa-65', ciphertext: both(secretKey) })
    secretKey[100] = (secretKey[100] as number) ^ 1
    expect(await refused('keys/none/import', { type: 'ml-dsa-65', ciphertext: both(secretKey) })).to.include(
      'contradict',
    )
    expect((await server.call('GET', '/v1/transit/keys/none')).status).to.equal(404)
  })

  it('strange imports and damaged backups leave no key', async () => {
    const other = Buffer.from(await exported('signing-key', 'ml-dsa-44', 'der'), 'base64')
    for (const wrong of [other, other.subarray(0, 20), randomBytes(31), randomBytes(54)])
      await refused('keys/none/import', { type: 'ml-dsa-65', ciphertext: wrap(wrong) })
    await refused('keys/none/import', {
      type: 'ml-dsa-65',
      public_key: await exported('public-key', 'ml-dsa-44', 'pem'),
    })
    await refused('keys/none/import', { type: 'ml-dsa-65', public_key: pem('PUBLIC KEY', Buffer.from('3000', 'hex')) })
    const { backup } = await server.data('GET', 'transit/backup/ml-dsa-65')
    const json = Buffer.from(String(backup), 'base64').toString()
    const { key } = (JSON.parse(json) as { readonly policy: { readonly keys: Readonly<Record<string, Body>> } }).policy
      .keys['1'] as { key: string }
    const changed = Buffer.from(key, 'base64')
    changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1
    await refused('restore/none', { backup: b64(json.replaceAll(key, b64(changed))) })
    expect((await server.call('GET', '/v1/transit/keys/none')).status).to.equal(404)
  })

  it('is named in two parts too, as Vault does', async () => {
    for (const [type, set, name] of [
      ['ml-dsa', '65', 'ml-dsa-65'],
      ['ml-kem', '768', 'ml-kem-768'],
      ['slh-dsa', 'slh-dsa-sha2-128f', 'slh-dsa-sha2-128f'],
      ['ml-dsa-44', '44', 'ml-dsa-44'],
    ] as const)
      expect((await post(`keys/two-${name}`, { type, parameter_set: set }))['type']).to.equal(name)
    for (const [type, set] of [
      ['ml-dsa', ''],
      ['ml-dsa', '66'],
      ['ml-dsa', 'slh-dsa-sha2-128f'],
      ['ml-dsa-44', '65'],
      ['aes256-gcm96', '65'],
      ['', 'ml-dsa-65'],
    ])
      await refused('keys/none', { type, parameter_set: set })
  })

  it('an ML-DSA key is exported as a JWK of type AKP', async () => {
    const jwk = JSON.parse(await exported('signing-key', 'ml-dsa-44', 'jwk')) as Body
    expect(jwk).to.include({ kty: 'AKP', alg: 'ML-DSA-44' })
    expect(Buffer.from(String(jwk['priv']), 'base64url')).to.have.length(32)
    expect(Buffer.from(String(jwk['pub']), 'base64url')).to.have.length(1312)
  })
})
