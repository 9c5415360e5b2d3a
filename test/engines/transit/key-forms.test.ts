import { createECDH, createPublicKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { expect } from 'chai'
import { wrapKey } from '../../../src/crypto/ciphers/key-wrap.ts'
import { derValue, tags } from '../../../src/crypto/encoding/der.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { devServer } from '../../support/server.ts'
import type { Body, Reply, TestServer } from '../../support/server.ts'

const sequence = (...parts: readonly Uint8Array[]) => derValue(tags.sequence, ...parts)
const number = (value: number) => derValue(tags.integer, Uint8Array.of(value))
const octets = (bytes: Uint8Array) => derValue(tags.octetString, bytes)
const oid = (content: string) => derValue(tags.oid, Buffer.from(content, 'hex'))
const input = Buffer.from('some text').toString('base64')

const ed25519 = sequence(oid('2b6570'))
const rsaPss = '2a864886f70d01010a'
const ecKey = oid('2a8648ce3d0201')
const p256 = oid('2a8648ce3d030107')

/** A private number of P-256 with its points. */
const curve = createECDH('prime256v1')
curve.generateKeys()
const d = curve.getPrivateKey()
const point = (form: 'compressed' | 'hybrid' | 'uncompressed') => curve.getPublicKey(null, form)
const publicPem = (der: Uint8Array) =>
  `-----BEGIN PUBLIC KEY-----\n${Buffer.from(der).toString('base64')}\n-----END PUBLIC KEY-----\n`
const bits = (bytes: Uint8Array) => derValue(tags.bitString, Uint8Array.of(0), bytes)
const spki = (algorithm: Uint8Array, bytes: Uint8Array) => sequence(algorithm, bits(bytes))
const named = sequence(ecKey, p256)
/** The parameters of P-256 written out (SEC 1 §C.2), as OpenSSL does with `param_enc:explicit`. */
const explicit = sequence(
  ecKey,
  parametersOf(generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' })),
)

function parametersOf({ publicKey }: { readonly publicKey: KeyObject }): Uint8Array {
  const der = publicKey.export({ type: 'spki', format: 'der' })
  // SEQUENCE { SEQUENCE { OID (9 bytes), parameters }, bits }: each header has three bytes but the parameters' own.
  const algorithm = der.subarray(4)
  const length = (algorithm[1] as number) === 0x82 ? 4 : 3
  const size = (algorithm[1] as number) === 0x82 ? algorithm.readUInt16BE(2) : (algorithm[2] as number)
  return algorithm.subarray(length + 9, length + size)
}

const ecPrivate = (open?: Uint8Array) =>
  sequence(number(1), octets(d), ...(open ? [derValue(tags.values1, bits(open))] : []))
const pkcs8 = (algorithm: Uint8Array, inner: Uint8Array, version = 0, ...more: readonly Uint8Array[]) =>
  sequence(number(version), algorithm, octets(inner), ...more)

const pair = generateKeyPairSync('ed25519')
const seed = pair.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(16)
const edPoint = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
const other = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pkcs1 = rsa.privateKey.export({ type: 'pkcs1', format: 'der' })
const ecOpen = publicPem(spki(named, point('uncompressed')))
const edOpen = Buffer.from(edPoint).toString('base64')
const rsaOpen = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const pubBits = (tag: number, bytes: Uint8Array) => derValue(tag, Uint8Array.of(0), bytes)
const nss = sequence(ecKey, oid('2b06010401da470f01'))

const taken: readonly (readonly [type: string, form: string, der: Uint8Array, open: string])[] = [
  ['ed25519', 'PKCS#8', pkcs8(ed25519, octets(seed)), edOpen],
  ['ed25519', 'PKCS#8 version 2', pkcs8(ed25519, octets(seed), 1, pubBits(tags.bytes1, edPoint)), edOpen],
  [
    'ed25519',
    'PKCS#8 version 2 with attributes',
    pkcs8(ed25519, octets(seed), 1, derValue(tags.values0), pubBits(tags.bytes1, edPoint)),
    edOpen,
  ],
  [
    'ed25519',
    'PKCS#8 version 2 with explicit bits',
    pkcs8(ed25519, octets(seed), 1, derValue(tags.values1, bits(edPoint))),
    edOpen,
  ],
  [
    'ed25519',
    'the form of NSS',
    pkcs8(nss, sequence(number(1), octets(seed), derValue(tags.values1, bits(edPoint)))),
    edOpen,
  ],
  ['rsa-2048', 'a key for PSS', pkcs8(sequence(oid(rsaPss)), pkcs1), rsaOpen],
  ['rsa-2048', 'a key for PSS with parameters', pkcs8(sequence(oid(rsaPss), sequence()), pkcs1), rsaOpen],
  ['ecdsa-p256', 'a named curve', pkcs8(named, ecPrivate(point('uncompressed'))), ecOpen],
  ['ecdsa-p256', 'a compressed point', pkcs8(named, ecPrivate(point('compressed'))), ecOpen],
  ['ecdsa-p256', 'a hybrid point', pkcs8(named, ecPrivate(point('hybrid'))), ecOpen],
  ['ecdsa-p256', 'no point', pkcs8(named, ecPrivate()), ecOpen],
  ['ecdsa-p256', 'explicit parameters', pkcs8(explicit, ecPrivate(point('uncompressed'))), ecOpen],
]

const contradicting: readonly (readonly [type: string, what: string, der: Uint8Array])[] = [
  ['ed25519', 'another public key', pkcs8(ed25519, octets(seed), 1, pubBits(tags.bytes1, other))],
  ['ed25519', 'a seed that is too long', pkcs8(ed25519, octets(Buffer.concat([seed, edPoint])))],
  ['ed25519', 'a seed that is too short', pkcs8(ed25519, octets(seed.subarray(1)))],
  ['ed25519', 'bytes behind it', Buffer.concat([pkcs8(ed25519, octets(seed)), Uint8Array.of(0)])],
  ['ecdsa-p256', 'another point', pkcs8(named, ecPrivate(otherPoint()))],
  ['ecdsa-p256', 'a number of 0', pkcs8(named, sequence(number(1), octets(Buffer.alloc(32))))],
  ['ecdsa-p256', 'a number beyond the order', pkcs8(named, sequence(number(1), octets(Buffer.alloc(32, 255))))],
  ['rsa-2048', 'an exponent of 1', rsaWith({ e: 1n, d: 1n })],
  ['rsa-2048', 'an even exponent', rsaWith({ e: 65536n })],
  ['rsa-2048', 'another modulus', rsaWith({ n: 2n })],
  ['rsa-2048', 'another private exponent', rsaWith({ d: 3n })],
  ['rsa-2048', 'the same prime twice', rsaWith({ q: 'p' })],
]

function otherPoint(): Uint8Array {
  const another = createECDH('prime256v1')
  another.generateKeys()
  return another.getPublicKey()
}

/** An RSA key with other numbers: a small one is added to, a large one replaces it. */
function rsaWith(parts: { n?: bigint; e?: bigint; d?: bigint; q?: 'p' }): Uint8Array {
  const jwk = rsa.privateKey.export({ format: 'jwk' }) as Record<string, string>
  const value = (name: string) => BigInt(`0x${Buffer.from(jwk[name] ?? '', 'base64url').toString('hex')}`)
  const n = value('n') + (parts.n ?? 0n)
  const privateExponent = parts.d === 1n ? 1n : value('d') + (parts.d ?? 0n)
  const q = parts.q === 'p' ? value('p') : value('q')
  const numbers = [n, parts.e ?? value('e'), privateExponent, value('p'), q, value('dp'), value('dq'), value('qi')]
  return pkcs8(sequence(oid('2a864886f70d010101')), sequence(number(0), ...numbers.map(integer)))
}

function integer(value: bigint): Uint8Array {
  const digits = value.toString(16)
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return derValue(tags.integer, ...((bytes[0] as number) > 0x7f ? [Uint8Array.of(0), bytes] : [bytes]))
}

describe('the forms of keys, over HTTP', () => {
  let server: TestServer
  let wrapping = ''
  let count = 0
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/t', { type: 'transit' })
    wrapping = String((await server.data('GET', 't/wrapping_key'))['public_key'])
  })
  after(() => server.running.stop())

  const imported = async (key: string, type: string, der: Uint8Array): Promise<Reply> => {
    const ciphertext = Buffer.from(wrapKey(createPublicKey(wrapping), der, 'sha256', randomBytes)).toString('base64')
    return server.call('POST', `/v1/t/keys/${key}/import`, { type, ciphertext, exportable: true })
  }
  const openOf = async (key: string): Promise<string> => {
    const { keys } = (await server.data('GET', `t/keys/${key}`)) as { readonly keys: Record<string, Body> }
    return String(keys['1']?.['public_key']).replace(/\s/g, '')
  }

  for (const [type, form, der, open] of taken)
    it(`takes a private key of ${type} as ${form}, and shows it in the usual one`, async () => {
      const key = `taken${count++}`
      expect((await imported(key, type, der)).status).to.equal(204)
      expect(await openOf(key)).to.equal(open.replace(/\s/g, ''))
      const { signature } = await server.data('POST', `t/sign/${key}`, { input })
      const verified = await server.data('POST', `t/verify/${key}`, { input, signature })
      expect(verified['valid']).to.equal(true)
    })

  for (const [type, what, der] of contradicting)
    it(`refuses a private key of ${type} with ${what}, and creates no key`, async () => {
      const key = `refused${count++}`
      expect((await imported(key, type, der)).status).to.equal(400)
      expect((await server.call('GET', `/v1/t/keys/${key}`)).status).to.equal(404)
    })

  for (const [form, der] of [
    ['a compressed point', spki(named, point('compressed'))],
    ['a hybrid point', spki(named, point('hybrid'))],
    ['explicit parameters', spki(explicit, point('uncompressed'))],
  ] as const)
    it(`takes a public key with ${form}, and shows it in the usual form`, async () => {
      const key = `open${count++}`
      await server.data('POST', `t/keys/${key}/import`, { type: 'ecdsa-p256', public_key: publicPem(der) })
      expect(await openOf(key)).to.equal(ecOpen.replace(/\s/g, ''))
    })

  it('ends the PEM of RSA keys alone with a line feed', async () => {
    for (const type of ['ecdsa-p256', 'ecdsa-p384', 'ecdsa-p521', 'ed25519', 'rsa-2048']) {
      await server.data('POST', `t/keys/${type}`, { type, exportable: true })
      for (const path of [`signing-key/${type}?format=pem`, `public-key/${type}?format=pem`, `signing-key/${type}`]) {
        const { keys } = (await server.data('GET', `t/export/${path}`)) as { readonly keys: Record<string, string> }
        const text = keys['1'] ?? ''
        expect(text.endsWith('\n'), path).to.equal(type === 'rsa-2048')
      }
    }
  })

  it('refuses impossible settings for an existing key, too, and changes nothing', async () => {
    await server.data('POST', 't/keys/there')
    const before = await server.data('GET', 't/keys/there')
    for (const wish of [
      { type: 'rot13' },
      { type: '' },
      { type: 'AES256-GCM96' },
      { convergent_encryption: true },
      { auto_rotate_period: '1s' },
      { key_size: 7 },
      { type: 'hmac', key_size: 5 },
    ])
      expect((await server.call('POST', '/v1/t/keys/there', wish)).status, JSON.stringify(wish)).to.equal(400)
    for (const wish of [{}, { type: 'hmac' }, { type: 'rsa-2048', derived: true }]) {
      expect((await server.call('POST', '/v1/t/keys/there', wish)).status, JSON.stringify(wish)).to.equal(200)
    }
    expect(await server.data('GET', 't/keys/there')).to.deep.equal(before)
  })
})
