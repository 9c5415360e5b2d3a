import { generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'
import { worked } from '../../support/processes/processor-time.ts'

const b64 = (text: string) => Buffer.from(text).toString('base64')

describe('transit, over HTTP', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/t', { type: 'transit' })
  })
  after(async () => server.running.stop())

  const post = async (path: string, body: Body) => server.call('POST', `/v1/t/${path}`, body)
  const dataOf = (reply: { readonly body: Body }) => reply.body['data'] as Body
  const nonceOf = (ciphertext: unknown) =>
    Buffer.from(String(ciphertext).replace(/^vault:v\d+:/, ''), 'base64')
      .subarray(0, 12)
      .toString('hex')

  it('CVE-2023-4680: a nonce of the caller is never used: encrypt, batches, rewrap, data keys', async () => {
    const nonce = Buffer.alloc(12).toString('base64')
    await post('keys/nonce', {})
    const single = dataOf(await post('encrypt/nonce', { plaintext: b64('x'), nonce }))['ciphertext']
    const batch = dataOf(await post('encrypt/nonce', { batch_input: [{ plaintext: b64('x'), nonce }] }))
    const rewrapped = dataOf(await post('rewrap/nonce', { ciphertext: single, nonce }))['ciphertext']
    const wrapped = dataOf(await post('datakey/wrapped/nonce', { nonce }))['ciphertext']
    const item = (batch['batch_results'] as Body[])[0]?.['ciphertext']
    const nonces = [single, item, rewrapped, wrapped].map(nonceOf)
    expect(new Set(nonces).size).to.equal(4)
    expect(nonces).to.not.include('00'.repeat(12))
  })

  it('CVE-2022-25244: no response has key material unless the key is exportable, and the switches are one-way', async () => {
    await post('keys/closed', {})
    for (const path of ['export/encryption-key/closed', 'export/hmac-key/closed', 'backup/closed'])
      expect((await server.call('GET', `/v1/t/${path}`)).status, path).to.equal(400)
    await post('keys/open', { exportable: true, allow_plaintext_backup: true })
    await post('keys/open/config', { exportable: false, allow_plaintext_backup: false })
    const shown = await server.data('GET', 't/keys/open')
    expect([shown['exportable'], shown['allow_plaintext_backup']]).to.deep.equal([true, true])
    const raw = (await server.data('GET', 't/export/encryption-key/open'))['keys'] as Body
    const pages = [shown, await server.data('GET', 't/keys/closed'), dataOf(await post('keys/open/rotate', {}))]
    expect(JSON.stringify(pages)).to.not.include(String(raw['1']))
  })

  it('a failed upsert leaves no key', async () => {
    for (const body of [
      { plaintext: '?' },
      { plaintext: null, key_version: 7 },
      { plaintext: b64('x'), key_version: 7 },
      { plaintext: b64('x'), associated_data: '?' },
      { batch_input: [{ plaintext: b64('x') }, { plaintext: '?' }] },
      { plaintext: b64('x'), type: 'rsa-2048' },
    ])
      await post('encrypt/ghost', body)
    expect((await server.call('GET', '/v1/t/keys/ghost')).status).to.equal(404)
    expect((await post('decrypt/ghost', { ciphertext: 'vault:v1:AAAA' })).status).to.equal(400)
  })

  it('null as a minimum version is refused, instead of bringing old versions back', async () => {
    await post('keys/min', {})
    await post('keys/min/rotate', {})
    await post('keys/min/config', { min_decryption_version: 2 })
    expect((await post('keys/min/config', { min_decryption_version: null })).status).to.equal(400)
    expect((await server.data('GET', 't/keys/min'))['min_decryption_version']).to.equal(2)
  })

  it('null is no plaintext, and less than nothing no number of bytes', async () => {
    for (const body of [{ plaintext: null }, { batch_input: [{ plaintext: null }] }])
      expect((await post('encrypt/min', body)).status).to.equal(400)
    expect((await post('encrypt/min', { plaintext: '' })).status).to.equal(200)
    for (const path of ['random/-1', 'random/platform/-1']) expect((await post(path, {})).status, path).to.equal(400)
  })

  it('a soft-deleted key is neither rotated nor backed up, and a wrong format of an export is refused', async () => {
    await post('keys/gone', { exportable: true, allow_plaintext_backup: true })
    expect((await server.call('GET', '/v1/t/export/encryption-key/gone?format=jpeg')).status).to.equal(400)
    await server.call('DELETE', '/v1/t/keys/gone/soft-delete')
    expect((await post('keys/gone/rotate', {})).status).to.equal(400)
    expect((await server.call('GET', '/v1/t/backup/gone')).status).to.equal(400)
  })

  it('a caller’s mistake is never a 500 and never drops the connection', async () => {
    await post('keys/e', { type: 'ed25519', derived: true, exportable: true })
    await post('keys/p', { type: 'ecdsa-p256' })
    await post('keys/h', { type: 'hmac', key_size: 32 })
    const input = b64('m')
    const mistakes: readonly (readonly [string, Body])[] = [
      ['hmac/h', { input, algorithm: 'none' }],
      ['verify/h', { input, hmac: 'vault:v1:AAAA', hash_algorithm: 'none' }],
      ['restore', { backup: b64('{}') }],
      ['restore', { backup: b64('{"policy":{},"archived_keys":{"keys":[]}}') }],
      ['sign/e', { input }],
      ['sign/p', { input, key_version: 9 }],
      ['sign/p', { input, key_version: -1 }],
      ['sign/p', { input, salt_length: '-7' }],
      ['encrypt/p', { plaintext: input }],
      ['encrypt/h', { plaintext: input }],
      ['sign/h', { input }],
      ['encrypt/min', { plaintext: input, associated_data: '?' }],
      ['encrypt/min', { batch_input: [[]] }],
      ['keys/x', { type: 'ecdsa-p256', derived: true }],
      ['keys/x', { type: 'ed25519', derived: true, convergent_encryption: true }],
      ['keys/x', { auto_rotate_period: '59m' }],
    ]
    for (const [path, body] of mistakes) expect((await post(path, body)).status, path).to.equal(400)
    expect((await server.call('GET', '/v1/t/export/public-key/e')).status, 'half of the secret').to.equal(400)
  })

  it('an RSA batch with an impossible item is not a 200', async () => {
    await post('keys/rsa', { type: 'rsa-2048' })
    const batch_input = [{ plaintext: b64('x') }, { plaintext: b64('x'), associated_data: b64('a') }]
    const reply = await post('encrypt/rsa', { batch_input })
    expect(reply.status).to.equal(400)
    const [good, bad] = dataOf(reply)['batch_results'] as Body[]
    expect([typeof good?.['ciphertext'], typeof bad?.['error']]).to.deep.equal(['string', 'string'])
    const back = await post('decrypt/rsa', { ciphertext: good?.['ciphertext'] })
    expect(dataOf(back)['plaintext']).to.equal(b64('x'))
  })

  it('answers small requests while RSA keys are made', async () => {
    const made = Promise.all([1, 2, 3].map(async (n) => post(`keys/big${n}`, { type: 'rsa-4096' })))
    let longest = 0
    for (let n = 0; n < 20; n++) {
      const start = worked()
      await post('encrypt/min', { plaintext: b64('x') })
      longest = Math.max(longest, worked() - start)
    }
    expect(longest).to.be.lessThan(1000)
    expect((await made).map(({ status }) => status)).to.deep.equal([200, 200, 200])
  })

  it('a key agreed on with a peer never gets into an existing key, and a soft-deleted key agrees on nothing', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const peer_public_key = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const wish = { base_key_name: 'p', peer_public_key }
    await post('keys/p', { type: 'ecdsa-p256' })
    expect((await post('derive-key/shared', wish)).status).to.equal(204)
    expect((await post('derive-key/min', wish)).status).to.equal(400)
    expect((await server.data('GET', 't/keys/min'))['latest_version']).to.equal(2)
    await server.call('DELETE', '/v1/t/keys/p/soft-delete')
    expect((await post('derive-key/other', wish)).status).to.equal(400)
    expect((await server.call('GET', '/v1/t/keys/other')).status).to.equal(404)
  })

  it('batches have the results of single requests, item by item, in order, for every symmetric type', async () => {
    const types = ['aes128-gcm96', 'aes256-gcm96', 'chacha20-poly1305', 'xchacha20-poly1305']
    const encoded = (minLength: number) =>
      fc.uint8Array({ minLength, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64'))
    const item = fc.record({
      plaintext: encoded(0),
      context: encoded(1),
      associated_data: encoded(0),
      reference: fc.string({ maxLength: 10 }),
    })
    const kinds = fc.record({ type: fc.constantFrom(...types), derived: fc.boolean(), convergent: fc.boolean() })
    const resultsOf = (reply: { readonly body: Body }) => dataOf(reply)['batch_results'] as Body[]
    await fc.assert(
      fc.asyncProperty(kinds, fc.array(item, { minLength: 1, maxLength: 8 }), async (kind, items) => {
        const convergent_encryption = kind.derived && kind.convergent
        const name = `${kind.type}-${kind.derived}-${convergent_encryption}`
        await post(`keys/${name}`, { ...kind, convergent_encryption })
        const made = resultsOf(await post(`encrypt/${name}`, { batch_input: items }))
        expect(made.map(({ reference }) => reference)).to.deep.equal(items.map(({ reference }) => reference))
        const back = items.map((one, at) => ({ ...one, ciphertext: made[at]?.['ciphertext'] }))
        const opened = resultsOf(await post(`decrypt/${name}`, { batch_input: back }))
        expect(opened.map(({ plaintext }) => plaintext)).to.deep.equal(items.map(({ plaintext }) => plaintext))
        const single = await post(`decrypt/${name}`, back[0] as Body)
        expect(dataOf(single)['plaintext']).to.equal(items[0]?.plaintext)
        const wrong = back.map((one) => ({ ...one, associated_data: b64(`${one.associated_data}!!`) }))
        const refused = await post(`decrypt/${name}`, { batch_input: wrong })
        expect(refused.status).to.equal(400)
        expect(
          resultsOf(refused).every(({ error, plaintext }) => typeof error === 'string' && plaintext === ''),
        ).to.equal(true)
      }),
      { numRuns: 40 },
    )
  })
})
