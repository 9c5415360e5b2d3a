import { expect } from 'chai'
import { keyTypes } from '../../../src/crypto/keys/key-types.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const b64 = (text: string): string => Buffer.from(text).toString('base64')
/** What encrypts; RSA of the larger sizes has the same row of the table but for a number, and takes seconds to make. */
const symmetric = Object.keys(keyTypes).filter((type) => /^(?:aes|x?chacha)/.test(type) && !/cmac/.test(type))
const types = [...symmetric, 'rsa-2048']

describe('known flaws: ciphertexts and nonces, over HTTP', function () {
  this.timeout(60_000)
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    for (const type of types) await server.data('POST', `transit/keys/${type}`, { type })
  })
  after(async () => server.running.stop())

  const post = async (path: string, body: unknown): Promise<Reply> => server.call('POST', `/v1/transit/${path}`, body)
  const encrypted = async (key: string, plaintext = b64('a text of more than one block')): Promise<string> =>
    String((await server.data('POST', `transit/encrypt/${key}`, { plaintext }))['ciphertext'])

  for (const type of types)
    it(`0.9.0: ${type}: every short, cut or strange ciphertext is refused, alone, in a batch, to decrypt and to rewrap`, async () => {
      const good = await encrypted(type)
      const body = Buffer.from(good.slice('vault:v1:'.length), 'base64')
      const cut = Array.from({ length: Math.min(65, body.length) }, (_, size) => `vault:v1:${body.subarray(0, size).toString('base64')}`)
      const prefixes = Array.from({ length: 24 }, (_, size) => good.slice(0, size))
      // `vault:v0:` is left out: it means version 1, as in the oldest ciphertexts.
      const tags = ['vault:v-1:', 'vault:v2:', 'vault:v999999999999:', 'vault:v99999999999999999999999:', 'vault:v1.0:', 'vault:v1e0:', 'vault:v:', 'vault:1:', 'VAULT:v1:', 'vault:v1', 'bao:v1:', '']
      const strange = [...tags.map((tag) => tag + body.toString('base64')), 'vault:v1:*', 'vault:v1:====', 'vault:v1:A', 'vault:v1: ', good + '=', `${good}\u0000`, `${good} x`, ':::', 'vault:v1:vault:v1:']
      const values = [...cut, ...prefixes, ...strange, null, 5, [], {}]
      for (const operation of ['decrypt', 'rewrap'])
        for (const ciphertext of values) {
          const { status, text } = await post(`${operation}/${type}`, { ciphertext })
          expect(status, `${operation} ${JSON.stringify(ciphertext)} ${text}`).to.equal(400)
        }
      const items = values.filter((one) => typeof one === 'string').map((ciphertext) => ({ ciphertext }))
      for (const operation of ['decrypt', 'rewrap']) {
        const { status, body: told } = await post(`${operation}/${type}`, { batch_input: [...items, { ciphertext: good }] })
        expect(status, operation).to.be.oneOf([200, 400])
        const results = ((told['data'] ?? {}) as Body)['batch_results'] as Body[] | undefined
        if (!results) continue
        expect(results.slice(0, -1).filter((result) => result['error'] === undefined), operation).to.deep.equal([])
        expect(results.at(-1), operation).to.not.have.property('error')
      }
    }) // prettier-ignore

  it('CVE-2023-2197: whatever bit of a ciphertext is wrong, the response is the same, for every type of key', async () => {
    for (const type of types) {
      const good = Buffer.from((await encrypted(type)).slice('vault:v1:'.length), 'base64')
      const texts = new Set<string>()
      for (let at = 0; at < good.length; at += type === 'rsa-2048' ? 16 : 1)
        for (const bit of [1, 128]) {
          const wrong = Buffer.from(good)
          wrong[at] = (wrong[at] as number) ^ bit
          const { status, text } = await post(`decrypt/${type}`, { ciphertext: `vault:v1:${wrong.toString('base64')}` })
          // Without authentication a change within a text is a change of the text.
          if (/cbc/.test(type) && status === 200) continue
          expect(status, `${type} ${at}`).to.equal(400)
          texts.add(text)
        }
      expect([...texts], type).to.have.length(1)
    }
  })

  it('CVE-2023-4680: a nonce that is sent is never used, for any type of key and by any operation', async () => {
    const nonces = [12, 24, 16].map((size) => Buffer.alloc(size, 7).toString('base64'))
    for (const type of symmetric)
      for (const nonce of nonces) {
        const plaintext = b64('the same text')
        const all: string[] = []
        const note = (reply: Reply): void => {
          if (reply.status !== 200) return void expect(reply.status, `${type} ${reply.text}`).to.equal(400)
          const data = reply.body['data'] as Body
          const items = (data['batch_results'] ?? [data]) as readonly Body[]
          for (const item of items) if (item['error'] === undefined) all.push(String(item['ciphertext']))
        }
        for (let twice = 0; twice < 2; twice++) {
          note(await post(`encrypt/${type}`, { plaintext, nonce }))
          note(
            await post(`encrypt/${type}`, {
              batch_input: [
                { plaintext, nonce },
                { plaintext, nonce },
              ],
            }),
          )
          note(await post(`rewrap/${type}`, { ciphertext: await encrypted(type, plaintext), nonce }))
          note(await post(`rewrap/${type}`, { batch_input: [{ ciphertext: await encrypted(type, plaintext), nonce }] }))
          for (const kind of ['plaintext', 'wrapped']) note(await post(`datakey/${kind}/${type}`, { nonce }))
          note(await post(`encrypt/new-${type}-${nonce.length}-${twice}`, { plaintext, nonce, type }))
        }
        const bytes = all.map((one) => Buffer.from(one.replace(/^vault:v\d+:/, ''), 'base64'))
        const size = Buffer.from(nonce, 'base64').length
        for (const one of bytes) expect(one.subarray(0, size).equals(Buffer.alloc(size, 7)), type).to.equal(false)
        expect(new Set(bytes.map((one) => one.subarray(0, 12).toString('hex'))).size, type).to.equal(bytes.length)
      }
  })
})
