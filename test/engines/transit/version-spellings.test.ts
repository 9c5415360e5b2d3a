import { expect } from 'chai'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const input = 'YQ=='

/** What makes a text with a version, and what takes it. */
const pairs = [
  { made: 'encrypt/a', send: { plaintext: input }, member: 'ciphertext', taken: ['decrypt/a', 'rewrap/a'] },
  { made: 'datakey/wrapped/a', send: {}, member: 'ciphertext', taken: ['decrypt/a', 'rewrap/a'] },
  { made: 'sign/e', send: { input }, member: 'signature', taken: ['verify/e'] },
  { made: 'sign/r', send: { input, marshaling_algorithm: 'jws' }, member: 'signature', taken: ['verify/r'] },
  { made: 'hmac/a', send: { input }, member: 'hmac', taken: ['verify/a'] },
  { made: 'cmac/c', send: { input }, member: 'cmac', taken: ['verify/c'] },
  { made: 'encapsulate/k', send: {}, member: 'ciphertext', taken: ['decapsulate/k'] },
] as const

describe('the version in ciphertexts, signatures and MACs of transit', function () {
  this.timeout(60_000)
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    for (const [name, type] of [
      ['a', 'aes256-gcm96'],
      ['e', 'ed25519'],
      ['r', 'rsa-2048'],
      ['c', 'aes256-cmac'],
      ['k', 'ml-kem-768'],
    ])
      // prettier-ignore
      await server.data('POST', `transit/keys/${name}`, { type })
  })
  after(async () => server.running.stop())

  for (const { made, send, member, taken } of pairs)
    it(`has one spelling: ${made}`, async () => {
      const text = String((await server.data('POST', `transit/${made}`, send))[member])
      for (const path of taken) {
        const more = made.startsWith('sign/r') ? { marshaling_algorithm: 'jws' } : {}
        const answer = async (version: string): Promise<{ readonly status: number; readonly result: Body }> => {
          const item = { ...(path.startsWith('verify') && { input }), [member]: text.replace(':v1:', `:${version}:`) }
          const one = await server.call('POST', `/v1/transit/${path}`, { ...item, ...more })
          const many = await server.call('POST', `/v1/transit/${path}`, { batch_input: [item], ...more })
          const result =
            (many.body['data'] as { batch_results?: readonly Body[] } | undefined)?.batch_results?.[0] ?? {}
          return { status: one.status, result }
        }
        expect(await answer('v1'), path).to.include({ status: 200 })
        for (const version of [
          'v01',
          'v+1',
          'v1 ',
          'v 1',
          'v1e0',
          'v1.0',
          'v0x1',
          'v-0',
          'v+0',
          'v00',
          'v001',
          'V1',
          'v',
        ]) {
          const { status, result } = await answer(version)
          expect(status, `${path} ${version}`).to.equal(400)
          expect(result['error'], `${path} ${version} in a batch`).to.be.a('string')
        }
      }
    })
})
