import { createPrivateKey, createPublicKey } from 'node:crypto'
import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const b64 = (text: string) => Buffer.from(text).toString('base64')

describe('types of transit keys', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(() => server.running.stop())
  const key = (name: string, type: string, more: Body = {}) =>
    server.data('POST', `transit/keys/${name}`, { type, ...more })
  const refused = async (path: string, data: Body): Promise<string> => {
    const reply = await server.call('POST', `/v1/transit/${path}`, data)
    expect(reply.status, `${path} ${reply.text}`).to.equal(400)
    return reply.text
  }

  describe('data key pairs', () => {
    it('come with the private key wrapped, and in plain if that is asked for', async () => {
      await key('wrapper', 'aes256-gcm96')
      for (const type of ['ed25519', 'ecdsa-p256', 'ecdsa-secp256k1', 'rsa-2048', 'ml-dsa-44']) {
        const made = await server.data('POST', 'transit/datakey-pair/plaintext/wrapper', { type })
        const opened = await server.data('POST', 'transit/decrypt/wrapper', { ciphertext: made['ciphertext'] })
        expect(opened['plaintext']).to.equal(made['plaintext'])
        const der = Buffer.from(String(made['plaintext']), 'base64')
        if (type === 'ml-dsa-44') continue
        const open = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
        expect(open.export({ format: 'pem', type: 'spki' })).to.equal(made['public_key'])
      }
      const wrapped = await server.data('POST', 'transit/datakey-pair/wrapped/wrapper', {})
      expect(wrapped).to.have.all.keys('public_key', 'ciphertext', 'key_version')
    })

    it('are refused where they cannot be', async () => {
      await key('small', 'rsa-2048')
      await refused('datakey-pair/other/wrapper', {})
      await refused('datakey-pair/plaintext/none', {})
      await refused('datakey-pair/plaintext/wrapper', { type: 'aes256-gcm96' })
      expect(await refused('datakey-pair/plaintext/small', { type: 'rsa-2048' })).to.include('too long')
    })
  })

  describe('RSA-OAEP', () => {
    it('takes a hash function and a label, which decryption must repeat', async () => {
      await key('rsa', 'rsa-2048')
      const bound = { hash_function: 'SHA512', oaep_label: b64('order 7'), padding_scheme: 'oaep' }
      const { ciphertext } = await server.data('POST', 'transit/encrypt/rsa', { plaintext: b64('x'), ...bound })
      expect(await server.data('POST', 'transit/decrypt/rsa', { ciphertext, ...bound })).to.deep.equal({
        plaintext: b64('x'),
      })
      for (const other of [{}, { ...bound, hash_function: 'SHA256' }, { ...bound, oaep_label: b64('order 8') }])
        await refused('decrypt/rsa', { ciphertext, ...other })
      const { batch_results: results } = await server.data('POST', 'transit/rewrap/rsa', {
        batch_input: [{ ciphertext, ...bound }],
      })
      const [again] = results as readonly Body[]
      expect(
        await server.data('POST', 'transit/decrypt/rsa', { ciphertext: again?.['ciphertext'], ...bound }),
      ).to.deep.equal({ plaintext: b64('x') })
    })

    it('refuses unsupported options, and requests that would be an oracle', async () => {
      await key('aes2', 'aes256-gcm96')
      await refused('encrypt/rsa', { plaintext: b64('x'), padding_scheme: 'pkcs1v15' })
      await refused('encrypt/rsa', { plaintext: b64('x'), hash_function: 'MD5' })
      await refused('encrypt/rsa', { plaintext: b64('x'), oaep_label: '*' })
      await refused('encrypt/rsa', { plaintext: b64('x'), associated_data: b64('y') })
      await refused('encrypt/aes2', { plaintext: b64('x'), oaep_label: b64('y') })
      await refused('encrypt/rsa', { plaintext: b64('x'.repeat(127)), hash_function: 'SHA512' })
    })
  })

  it('JWKs of every kind can be read by WebCrypto and others', async () => {
    for (const [type, kty] of [
      ['aes256-gcm96', 'oct'],
      ['ed25519', 'OKP'],
      ['ecdsa-p384', 'EC'],
      ['ecdsa-secp256k1', 'EC'],
      ['rsa-2048', 'RSA'],
    ] as const) {
      await key(`jwk-${type}`, type, { exportable: true })
      const kind = type.startsWith('aes') ? 'encryption-key' : 'signing-key'
      const { keys } = await server.data('GET', `transit/export/${kind}/jwk-${type}?format=jwk`)
      const jwk = JSON.parse(String((keys as Body)['1'])) as Body
      expect(jwk['kty']).to.equal(kty)
      if (kty !== 'oct') expect(createPrivateKey({ key: jwk, format: 'jwk' }).type).to.equal('private')
    }
    const open = (await server.data('GET', 'transit/export/public-key/jwk-ecdsa-p384?format=jwk'))['keys'] as Body
    expect(JSON.parse(String(open['1']))).to.not.have.property('d')
  })

  describe('CMAC', () => {
    before(() => key('c', 'aes256-cmac'))

    it('makes and verifies codes of 8 to 16 bytes, only of the length that was asked for', async () => {
      for (const [path, length] of [
        ['cmac/c', 16],
        ['cmac/c/8', 8],
        ['cmac/c/12', 12],
      ] as const) {
        const { cmac } = await server.data('POST', `transit/${path}`, { input: b64('x') })
        expect(Buffer.from(String(cmac).slice('vault:v1:'.length), 'base64')).to.have.length(length)
        const verify = (more: Body) => server.data('POST', 'transit/verify/c', { input: b64('x'), cmac, ...more })
        expect(await verify({ mac_length: length })).to.deep.equal({ valid: true })
        expect(await verify({ mac_length: length, input: b64('y') })).to.deep.equal({ valid: false })
        expect(await verify({})).to.deep.equal({ valid: length === 16 })
      }
    })

    it('works in batches', async () => {
      const input = [b64('one'), b64('two')]
      const made = await server.data('POST', 'transit/cmac/c', {
        batch_input: [{ input: input[0] }, { input: '*' }, { input: input[1] }],
      })
      const [one, bad, two] = made['batch_results'] as readonly Body[]
      expect(bad).to.have.property('error')
      const batch = [
        { input: input[0], cmac: one?.['cmac'] },
        { input: input[0], cmac: two?.['cmac'] },
      ]
      const { batch_results: results } = await server.data('POST', 'transit/verify/c', { batch_input: batch })
      expect(results).to.deep.equal([{ valid: true, reference: '' }, { reference: '' }])
    })

    it('is refused where it makes no sense', async () => {
      await key('aes', 'aes256-gcm96')
      await key('mac', 'hmac', { key_size: 32 })
      for (const name of ['aes', 'mac']) await refused(`cmac/${name}`, { input: b64('x') })
      for (const length of [-1, 1, 7, 17])
        expect(await refused('cmac/c', { input: b64('x'), mac_length: length })).to.include('mac_length')
      await refused('cmac/c', {})
      await refused('encrypt/c', { plaintext: b64('x') })
      await refused('sign/c', { input: b64('x') })
      await refused('verify/c', { input: b64('x'), cmac: 'vault:v2:AAAA' })
      await refused('verify/aes', { input: b64('x'), cmac: 'vault:v1:AAAA' })
    })

    it('uses another key than HMACs with the same name', async () => {
      await key('e', 'aes128-cmac', { exportable: true })
      const keys = async (kind: string) => (await server.data('GET', `transit/export/${kind}/e`))['keys'] as Body
      const [own, other] = [await keys('cmac-key'), await keys('hmac-key')]
      expect(Buffer.from(String(own['1']), 'base64')).to.have.length(16)
      expect(other['1']).to.not.equal(own['1'])
    })
  })

  describe('AES-CBC', () => {
    before(() => key('cbc', 'aes256-cbc'))

    it('CVE-2023-2197: fails alike, whatever is wrong with a ciphertext', async () => {
      const { ciphertext } = await server.data('POST', 'transit/encrypt/cbc', {
        plaintext: b64('a text of more than one block'),
      })
      const body = Buffer.from(String(ciphertext).slice('vault:v1:'.length), 'base64')
      const texts = new Set<string>()
      const last = Buffer.from(body)
      last[last.length - 17] = (last[last.length - 17] as number) ^ 0xff
      for (const wrong of [last, ...[0, 1, 15, 16, 17, 31, 33].map((size) => body.subarray(0, size))])
        texts.add(await refused('decrypt/cbc', { ciphertext: `vault:v1:${wrong.toString('base64')}` }))
      expect([...texts]).to.have.length(1)
    })

    it('refuses options that need authentication', async () => {
      await refused('encrypt/cbc', { plaintext: b64('x'), associated_data: b64('y') })
      await refused('keys/no', { type: 'aes256-cbc', derived: true, convergent_encryption: true })
      await refused('encrypt/none', {
        plaintext: b64('x'),
        type: 'aes128-cbc',
        context: b64('c'),
        convergent_encryption: true,
      })
      expect((await server.call('GET', '/v1/transit/keys/none')).status).to.equal(404)
    })
  })
})
