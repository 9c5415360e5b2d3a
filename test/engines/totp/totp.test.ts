import { inflateSync } from 'node:zlib'
import { expect } from 'chai'
import { encode } from 'uqr'
import { codeOf } from '../../../src/crypto/one-time/codes.ts'
import { base32 } from '../../../src/crypto/one-time/base32.ts'
import { HandClock } from '../../support/clock.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

/** `12345678901234567890`, the key of RFC 6238. */
const key = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
const oneTime = (time: number, algorithm = 'SHA1', digits = 8, period = 30) => {
  const bytes = { SHA1: 20, SHA256: 32, SHA512: 64 }[algorithm] ?? 0
  const secret = Buffer.from('1234567890'.repeat(7).slice(0, bytes)).toString('base64')
  return codeOf({ key: secret, algorithm, digits }, Math.floor(time / period))
}

describe('one-time passwords', () => {
  it('are those of RFC 4226 and RFC 6238', () => {
    const hotp = ['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489']
    for (const [counter, code] of hotp.entries()) expect(oneTime(counter * 30, 'SHA1', 6)).to.equal(code)
    const vectors: readonly (readonly [number, string, string, string])[] = [
      [59, '94287082', '46119246', '90693936'],
      [1_111_111_109, '07081804', '68084774', '25091201'],
      [1_111_111_111, '14050471', '67062674', '99943326'],
      [1_234_567_890, '89005924', '91819424', '93441116'],
      [2_000_000_000, '69279037', '90698825', '38618901'],
      [20_000_000_000, '65353130', '77737706', '47863826'],
    ]
    for (const [time, ...codes] of vectors)
      expect(['SHA1', 'SHA256', 'SHA512'].map((algorithm) => oneTime(time, algorithm))).to.deep.equal(codes)
  })
})

describe('totp', () => {
  const clock = new HandClock()
  let server: TestServer
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/mounts/totp', { type: 'totp' })
  })
  after(async () => server.running.stop())

  const create = async (name: string, data: Body) => server.call('POST', `/v1/totp/keys/${name}`, data)
  const make = async (name: string, data: Body = { key }) => server.data('POST', `totp/keys/${name}`, data)
  const read = async (name: string) => server.data('GET', `totp/keys/${name}`)
  const check = async (name: string, code: unknown) => {
    const { status, body } = await server.call('POST', `/v1/totp/code/${name}`, { code })
    return status === 200 ? (body['data'] as Body)['valid'] : (body['errors'] as readonly string[])[0]
  }
  const used = 'code already used; wait until the next time period'
  const seconds = (): number => Math.floor(clock.now() / 1000)
  const now = (ahead = 0) => oneTime(seconds() + ahead, 'SHA1', 6)

  it('generates keys: the URL once, the settings ever after, the key never again', async () => {
    const issuer = 'A&B: Co'
    const named = { generate: true, issuer, account_name: 'anna@example.com/x?y' }
    const { url, barcode } = await make('gen', { ...named, algorithm: 'SHA256', digits: 8, period: '1m', key_size: 32 })
    const parsed = new URL(String(url))
    expect([parsed.protocol, parsed.host, decodeURIComponent(parsed.pathname)]).to.deep.equal([
      'otpauth:',
      'totp',
      `/${issuer}:anna@example.com/x?y`,
    ])
    const secret = parsed.searchParams.get('secret') ?? ''
    expect(Object.fromEntries(parsed.searchParams)).to.deep.equal({ secret, issuer, algorithm: 'SHA256', digits: '8', period: '60' }) // prettier-ignore
    expect(secret).to.match(/^[A-Z2-7]{52}$/)
    expect(barcode).to.be.a('string')
    const settings = { issuer, account_name: 'anna@example.com/x?y', algorithm: 'SHA256', digits: 8, period: 60 }
    expect(await read('gen')).to.deep.equal(settings)
    // The URL brings the same key in again.
    await make('copy', { url })
    expect(await read('copy')).to.deep.equal(settings)
    const code = async (name: string) => (await server.data('GET', `totp/code/${name}`))['code']
    expect(await code('copy')).to.equal(await code('gen'))
    expect(await make('hidden', { ...named, exported: false })).to.deep.equal({})
    expect(await make('plain', { ...named, qr_size: 0 })).to.have.all.keys('url')
    const keys = await Promise.all([1, 2].map(async () => (await make('gen', named))['url']))
    expect(keys[0]).to.not.equal(keys[1])
  })

  it('refuses a string that is too long for a QR code, and a URL with a parameter twice, in time', async () => {
    const long = { generate: true, issuer: 'i'.repeat(700), account_name: 'a'.repeat(700) }
    expect((await server.call('POST', '/v1/totp/keys/long', long)).status).to.equal(400)
    const query = Array.from({ length: 100_000 }, (_, at) => `p${at}=1`).join('&')
    const start = performance.now()
    const url = `otpauth://totp/a?secret=GEZDGNBVGY3TQOJQ&${query}&p1=2`
    expect((await server.call('POST', '/v1/totp/keys/twice', { url })).text).to.match(/a parameter twice/)
    // It took minutes while each parameter was looked for among all.
    expect(performance.now() - start).to.be.lessThan(5000)
    // Its length is looked at before it is decoded: that takes 200 ms for a body of 4 MiB.
    for (const letters of ['A', '!'].map((letter) => letter.repeat(4_000_000)))
      expect((await server.call('POST', '/v1/totp/keys/long', { key: letters })).text).to.match(
        /must not be longer than 4096/,
      )
  })

  it('draws the URL as a QR code', async () => {
    for (const size of [200, 60, 2048]) {
      const { url, barcode } = await make('drawn', { generate: true, issuer: 'Ex', account_name: 'a', qr_size: size })
      const modules = encode(String(url), { ecc: 'M', border: 0 }).data
      const pixels = pixelsOf(Buffer.from(String(barcode), 'base64'), size)
      const scale = Math.floor(size / (modules.length + 8)) || 1
      const margin = Math.floor((size - modules.length * scale) / 2)
      const drawn = (y: number, x: number) => pixels(margin + y * scale, margin + x * scale)
      expect(modules.map((row, y) => row.map((_, x) => drawn(y, x)))).to.deep.equal(modules)
      expect(pixels(0, 0), 'the border is white').to.equal(false)
      expect(pixels(size - 1, size - 1)).to.equal(false)
    }
    const named = { generate: true, issuer: 'Ex', account_name: 'a' }
    for (const data of [
      { qr_size: 5 },
      { qr_size: 2049 },
      { key_size: 1025 },
      { issuer: '&'.repeat(256), key_size: 1024 },
    ])
      // prettier-ignore
      expect((await create('refused', { ...named, ...data })).status, JSON.stringify(data)).to.equal(400)
    expect((await server.call('GET', '/v1/totp/keys/refused')).status).to.equal(404)
  })

  it('imports keys, by parameters or by URL, and refuses malformed ones', async () => {
    await make('a', {
      key: key.toLowerCase(),
      issuer: 'I',
      account_name: 'n',
      period: 15,
      digits: 8,
      algorithm: 'SHA512',
    })
    expect(await read('a')).to.deep.equal({
      issuer: 'I',
      account_name: 'n',
      period: 15,
      digits: 8,
      algorithm: 'SHA512',
    })
    await make('u', { url: `otpauth://totp/Acme:%20anna?secret=${key}&issuer=Other&period=60`, issuer: 'x', account_name: 'y', digits: 8 }) // prettier-ignore
    expect(await read('u')).to.deep.equal({ issuer: 'Other', account_name: 'anna', period: 60, digits: 8, algorithm: 'SHA1' }) // prettier-ignore
    const refused: readonly Body[] = [
      {},
      { key: '' },
      { key: 'ABC' },
      { key: 'not base32!' },
      { key: `${key}====` },
      { key: 'GE======GE======' },
      { key: '========' },
      { key, digits: 7 },
      { key, skew: 2 },
      { key, skew: -1 },
      { key, period: 0 },
      { key, algorithm: 'sha1' },
      { key, algorithm: 'MD5' },
      { key, qr_size: -1 },
      { key, issuer: 'x'.repeat(257) },
      { key: 'A'.repeat(8000) },
      { url: 'nonsense' },
      { url: `otpauth://hotp/x?secret=${key}&counter=1` },
      { url: `https://totp/x?secret=${key}` },
      { url: 'otpauth://totp/x' },
      { url: `otpauth://totp/x?secret=${key}&digits=7` },
      { url: `otpauth://totp/x?secret=${key}&period=x` },
      { url: `otpauth://totp/x?secret=${key}&period=1e9` },
      { url: `otpauth://totp/x?secret=${key}&secret=${key}` },
      { url: `otpauth://totp/%ff?secret=${key}` },
      { generate: true, issuer: 'x', account_name: 'y', key },
      { generate: true, issuer: 'x', account_name: 'y', url: `otpauth://totp/x?secret=${key}` },
      { generate: true, issuer: 'x' },
      { generate: true, account_name: 'x' },
      { generate: true, issuer: 'x', account_name: 'y', key_size: 0 },
    ]
    for (const data of refused) expect((await create('none', data)).status, JSON.stringify(data)).to.equal(400)
    for (const name of ['a b', '-a', 'a.', 'a/b'])
      expect((await create(encodeURI(name), { key })).status, name).to.equal(404)
    expect((await server.call('GET', '/v1/totp/keys/none')).status).to.equal(404)
    expect((await server.data('GET', 'totp/keys?list=true'))['keys']).to.include.members(['a', 'u'])
  })

  it('generates the current code with its period', async () => {
    await make('code')
    const shown = await server.data('GET', 'totp/code/code')
    expect(shown).to.deep.equal({
      code: now(),
      generated: seconds(),
      expire_time: (Math.floor(seconds() / 30) + 1) * 30,
      period: '30s',
    })
  })

  it('accepts the code of the period and of its neighbours, each once', async () => {
    await make('once')
    expect(await check('once', now())).to.equal(true)
    expect(await check('once', now())).to.equal(used)
    for (const ahead of [-30, 30]) {
      expect(await check('once', now(ahead))).to.equal(true)
      expect(await check('once', now(ahead))).to.equal(used)
    }
    for (const ahead of [-60, 60]) expect(await check('once', now(ahead))).to.equal(false)
    // Its own period begins, and has it used already.
    const next = now(30)
    clock.advance(30_000)
    expect(await check('once', next)).to.equal(used)
    clock.advance(60_000)
    expect(await check('once', now())).to.equal(true)
    await make('exact', { key, skew: 0 })
    for (const ahead of [-30, 30]) expect(await check('exact', now(ahead))).to.equal(false)
    expect(await check('exact', now())).to.equal(true)
  })

  it('CVE-2025-6014: of parallel checks of one code exactly one succeeds', async () => {
    await make('raced')
    const heard = await Promise.all(Array.from({ length: 50 }, async () => check('raced', now())))
    expect(heard.filter((one) => one === true)).to.have.length(1)
    expect(heard.filter((one) => one === used)).to.have.length(49)
  })

  it('has one spelling of a code', async () => {
    await make('spelled')
    const code = now()
    const wide = code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))
    for (const other of [
      ` ${code}`,
      `${code} `,
      `${code.slice(0, 3)} ${code.slice(3)}`,
      `${code}\n`,
      '',
      '12345',
      ` ${code.slice(1)}`,
    ])
      // prettier-ignore
      expect(await check('spelled', other), JSON.stringify(other)).to.be.a('string')
    expect(await check('spelled', wide)).to.equal(false)
    expect(await check('spelled', 'abcdef')).to.equal(false)
    expect(await check('spelled', Number(code).toString().length === 6 ? Number(code) : code)).to.equal(true)
  })

  it('refuses a code that was sent before, right or wrong, without telling which', async () => {
    await make('told')
    const wrong = now() === '000000' ? '000001' : '000000'
    expect(await check('told', wrong)).to.equal(false)
    expect(await check('told', wrong)).to.equal(used)
    clock.advance(30_000)
    expect(await check('told', wrong)).to.equal(false)
  })

  it('refuses a used code of a key that was replaced, or removed and imported again', async () => {
    await make('again')
    const code = now()
    expect(await check('again', code)).to.equal(true)
    await make('again', { key, skew: 1 })
    expect(await check('again', code)).to.equal(used)
    await server.data('DELETE', 'totp/keys/again')
    expect(await check('again', code)).to.equal('unknown key: again')
    await make('again')
    expect(await check('again', code)).to.equal(used)
    // Another key has codes of its own.
    await make('again', { key: base32(Buffer.from('another key of 20 by')) })
    const { code: other } = await server.data('GET', 'totp/code/again')
    expect(await check('again', other)).to.equal(true)
  })

  it('needs a policy for every path', async () => {
    await make('guarded')
    const token = await server.tokenWith('path "totp/code/guarded" { capabilities = ["update"] }')
    const as = async (method: string, path: string, data?: Body) =>
      (await server.call(method, `/v1/totp/${path}`, data, { 'X-Vault-Token': token })).status
    expect(await as('POST', 'code/guarded', { code: now() })).to.equal(200)
    for (const [method, path] of [['GET', 'code/guarded'], ['GET', 'keys/guarded'], ['POST', 'keys/guarded'], ['DELETE', 'keys/guarded'], ['POST', 'code/once']] as const) // prettier-ignore
      expect(await as(method, path, method === 'POST' ? { key, code: now() } : undefined), `${method} ${path}`).to.equal(403) // prettier-ignore
  })
})

/** Whether pixels of a black and white PNG are black. */
function pixelsOf(png: Buffer, size: number): (y: number, x: number) => boolean {
  expect(png.subarray(0, 8).toString('latin1')).to.equal('\x89PNG\r\n\x1a\n')
  expect([png.readUInt32BE(16), png.readUInt32BE(20), ...png.subarray(24, 29)]).to.deep.equal([
    size,
    size,
    1,
    0,
    0,
    0,
    0,
  ])
  const length = png.readUInt32BE(33)
  const rows = inflateSync(png.subarray(41, 41 + length))
  const width = 1 + Math.ceil(size / 8)
  expect(rows.length).to.equal(width * size)
  return (y, x) => ((rows[y * width + 1 + (x >> 3)] ?? 0) & (128 >> (x & 7))) === 0
}
