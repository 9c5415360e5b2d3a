import { expect } from 'chai'
import * as fc from 'fast-check'
import { jsonLimits } from '../../../src/util/json-limits.ts'
import { openLevelServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

/** The listener's max_request_size: small, so that every type of key is tried often. */
const limit = 16_384

type Item = Readonly<Record<string, unknown>>

/** What makes something from which member, and what takes it back: `answer` is what it must answer then. */
interface Pair {
  readonly type: string
  readonly make: string
  readonly take: string
  readonly from: 'plaintext' | 'input'
  readonly made: 'ciphertext' | 'signature' | 'hmac' | 'cmac'
  /** Base64 letters of one item at most. */
  readonly most: number
  readonly bound: boolean
}

const ciphers = [
  'aes128-gcm96', 'aes192-gcm96', 'aes256-gcm96', 'aes128-gcm-siv', 'aes256-gcm-siv', 'chacha20-poly1305',
  'xchacha20-poly1305', 'aes128-cbc', 'aes256-cbc', 'rsa-2048',
] // prettier-ignore
const signers = ['ed25519', 'ecdsa-p256', 'rsa-2048', 'ml-dsa-44']

const pairs: readonly Pair[] = [
  ...ciphers.map((type) => ({
    type,
    make: 'encrypt',
    take: 'decrypt',
    from: 'plaintext' as const,
    made: 'ciphertext' as const,
    most: type.startsWith('rsa') ? 252 : limit,
    bound: !/rsa|cbc/.test(type),
  })),
  ...signers.map((type) => ({
    type,
    make: 'sign',
    take: 'verify',
    from: 'input' as const,
    made: 'signature' as const,
    most: limit,
    bound: false,
  })),
  { type: 'aes256-gcm96', make: 'hmac', take: 'verify', from: 'input', made: 'hmac', most: limit, bound: false },
  { type: 'aes256-cmac', make: 'cmac', take: 'verify', from: 'input', made: 'cmac', most: limit, bound: false },
]

/** JSON as most write it, and with a blank after each comma and colon and without letters beyond ASCII. */
const writers: readonly ((value: unknown) => string)[] = [
  (value) => JSON.stringify(value),
  (value) =>
    JSON.stringify(value, null, 1)
      .replaceAll(/\n\s*/g, ' ')
      .replaceAll(/([[{]) /g, '$1')
      .replaceAll(/ ([\]}])/g, '$1')
      .replaceAll(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`),
]

/** Base64 of so many letters. */
const base64 = (letters: number): string => 'QUJD'.repeat(Math.max(0, Math.floor(letters / 4)))

const shape = fc.record({
  pair: fc.constantFrom(...pairs),
  /** 0: no batch. */
  items: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 40, max: 400 })),
  associated: fc.boolean(),
  reference: fc.constantFrom('', 'r', 'ключ "1"'),
  writer: fc.constantFrom(...writers),
  /** How far from the limit the request is. */
  missing: fc.oneof(fc.integer({ min: -20, max: 200 }), fc.integer({ min: 0, max: 9000 })),
})

describe('ciphertexts and other outputs of the server', function () {
  this.timeout(180_000)
  let server: TestServer

  before(async () => {
    server = await openLevelServer(`max_request_size = ${limit}`)
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/secret', { type: 'kv' })
    for (const type of new Set(pairs.map((pair) => pair.type)))
      await server.data('POST', `transit/keys/${type}`, { type })
  })
  after(async () => server.running.stop())

  const send = async (path: string, body: string): Promise<Reply> => server.call('POST', `/v1/transit/${path}`, body)
  const resultsOf = ({ body }: Reply): readonly Item[] => {
    const data = body['data'] as Body
    return (data['batch_results'] as readonly Item[] | undefined) ?? [data]
  }
  const refused = ({ status, text }: Reply): void => {
    expect(status, text).to.be.oneOf([400, 413])
    expect(text).to.match(status === 413 ? /max_request_size/ : /the request is too large: .*send less at a time/)
  }

  it('can be sent back to the same listener, however near its limit the request was', async () => {
    let [largest, accepted, turnedAway] = [0, 0, 0]
    await fc.assert(
      fc.asyncProperty(shape, async ({ pair, items, associated, reference, writer, missing }) => {
        const { type, make, take, from, made, most, bound } = pair
        const others = {
          ...(reference !== '' && { reference }),
          ...(associated && bound && { associated_data: base64(items === 0 ? 2000 : 16) }),
        }
        const written = (values: readonly Item[]): string => writer(items === 0 ? values[0] : { batch_input: values })
        const count = Math.max(1, items)
        const empty = written(Array.from({ length: count }, () => ({ ...others, [from]: '' }))).length
        const each = base64(Math.min(most, (limit - missing - empty) / count))
        const values: readonly Item[] = Array.from({ length: count }, () => ({ ...others, [from]: each }))
        const body = written(values)
        const reply = await send(`${make}/${type}`, body)
        if (reply.status !== 200) {
          turnedAway++
          refused(reply)
          // Half of the limit is far from it for all but many signatures and small messages.
          if (count === 1) expect(body.length).to.be.greaterThan(limit / 2)
          return
        }
        accepted++
        largest = Math.max(largest, body.length)
        const results = resultsOf(reply)
        expect(results).to.have.lengthOf(count)
        const back = values.map((value, at) => ({
          ...others,
          ...(from === 'input' && { input: value['input'] }),
          [made]: results[at]?.[made],
        }))
        const taken = await send(`${take}/${type}`, written(back))
        expect(taken.status, `${make} of ${body.length} bytes: ${taken.text}`).to.equal(200)
        for (const result of resultsOf(taken))
          if (from === 'plaintext') expect(result['plaintext']).to.equal(each)
          else expect(result['valid']).to.equal(true)
        if (from !== 'plaintext') return
        const again = await send(`rewrap/${type}`, written(back))
        expect(again.status, again.text).to.equal(200)
      }),
      {
        numRuns: 120,
        examples: [
          [
            {
              pair: pairs[0] as Pair,
              items: 0,
              associated: false,
              reference: '',
              writer: writers[0] as (typeof writers)[number],
              missing: 2600,
            },
          ],
        ],
      },
    )
    expect(accepted).to.be.greaterThan(5)
    expect(turnedAway).to.be.greaterThan(5)
    expect(largest).to.be.greaterThan(0.8 * limit)
  })

  it('goes back also when it is a data key, or was wrapped', async () => {
    let accepted = 0
    for (let missing = 0; missing < 2400; missing += 60) {
      const associated_data = base64(limit - missing - 100)
      for (const kind of ['datakey/plaintext', 'datakey-pair/plaintext']) {
        const made = await send(`${kind}/aes256-gcm96`, JSON.stringify({ associated_data }))
        if (made.status !== 200) {
          refused(made)
          continue
        }
        accepted++
        const [{ ciphertext } = {}] = resultsOf(made)
        const taken = await send('decrypt/aes256-gcm96', JSON.stringify({ associated_data, ciphertext }))
        expect(taken.status, taken.text).to.equal(200)
      }
    }
    expect(accepted).to.be.greaterThan(5)
    const value = 'v'.repeat(limit - 20)
    await server.data('POST', 'secret/a', { value })
    const headers = { 'X-Vault-Token': server.token, 'X-Vault-Wrap-TTL': '60' }
    for (const [method, path, data] of [['GET', 'secret/a', undefined], ['POST', 'sys/wrapping/wrap', { value }]] as const) {
      const wrapped = await server.call(method, `/v1/${path}`, data, headers)
      const { token } = wrapped.body['wrap_info'] as { readonly token: string }
      const rewrapped = await server.call('POST', '/v1/sys/wrapping/rewrap', { token })
      const again = (rewrapped.body['wrap_info'] as { readonly token: string }).token
      expect(await server.data('POST', 'sys/wrapping/unwrap', { token: again })).to.include({ value })
    } // prettier-ignore
  })

  it('of an encryption that makes its key leaves none behind when it could not go back', async () => {
    const plaintext = base64(limit - 30)
    const body = JSON.stringify({ plaintext })
    expect(body.length).to.be.at.most(limit)
    refused(await send('encrypt/new', body))
    expect((await server.call('GET', '/v1/transit/keys/new')).status).to.equal(404)
  })
})

describe('a batch as large as the limits of JSON allow', function () {
  this.timeout(180_000)
  let server: TestServer

  before(async () => {
    server = await openLevelServer('max_request_size = 16777216')
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/k', {})
  })
  after(async () => server.running.stop())

  it('can be given back, or is refused', async () => {
    // An item with an input and a reference has five names and values, and seven when its HMAC is there, too.
    const fits = Math.floor((jsonLimits.tokens - 100) / 7)
    for (const [count, status] of [
      [fits, 200],
      [fits + 100, 400],
    ] as const) {
      const items = Array.from({ length: count }, () => ({ input: 'QUJD', reference: 'r' }))
      const made = await server.call('POST', '/v1/transit/hmac/k', { batch_input: items })
      expect(made.status, made.text.slice(0, 200)).to.equal(status)
      if (status !== 200) {
        expect(made.text).to.match(/names and values; send less at a time/)
        continue
      }
      const results = (made.body['data'] as Body)['batch_results'] as readonly Item[]
      const back = items.map((item, at) => ({ ...item, hmac: results[at]?.['hmac'] }))
      const taken = await server.call('POST', '/v1/transit/verify/k', { batch_input: back })
      expect(taken.status, taken.text.slice(0, 200)).to.equal(200)
    }
  })

  it('of one message larger than the usual limit is accepted if the listener is configured for it', async () => {
    const plaintext = base64(6 * 1024 * 1024)
    const { ciphertext } = await server.data('POST', 'transit/encrypt/k', { plaintext })
    expect((await server.data('POST', 'transit/decrypt/k', { ciphertext }))['plaintext']).to.equal(plaintext)
  })
})
