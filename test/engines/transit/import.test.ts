import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { expect } from 'chai'
import { oaepHashes, unwrapKey, wrapKey } from '../../../src/crypto/ciphers/key-wrap.ts'
import { ed25519Private, privateDer } from '../../../src/crypto/keys/pairs.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { oaepHash } from '../../../src/engines/transit/input.ts'
import { transitVectors } from '../../parity/corpus.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const b64 = (text: string) => Buffer.from(text).toString('base64')

interface Vectors {
  readonly keys: readonly {
    readonly name: string
    readonly versions: Readonly<Record<string, Readonly<Record<string, string>>>>
  }[]
  readonly byok: {
    readonly destination_private_key: string
    readonly blobs: readonly {
      readonly source: string
      readonly hash: string
      readonly keys: Readonly<Record<string, string>>
    }[]
  }
}

describe('wrapped keys', () => {
  it('open again with the same hash function only', () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const material = randomBytes(77)
    for (const hash of oaepHashes) {
      const blob = wrapKey(publicKey, material, hash, randomBytes)
      expect(unwrapKey(privateKey, blob, hash)).to.deep.equal(Buffer.from(material))
      expect(unwrapKey(privateKey, blob, hash === 'sha1' ? 'sha256' : 'sha1')).to.equal(undefined)
      for (const at of [0, 255, 256, blob.length - 1]) {
        const damaged = Uint8Array.from(blob, (byte, index) => (index === at ? byte ^ 1 : byte))
        expect(unwrapKey(privateKey, damaged, hash), `byte ${at}`).to.equal(undefined)
      }
      for (let size = 0; size < blob.length; size += 16)
        expect(unwrapKey(privateKey, blob.subarray(0, size), hash)).to.equal(undefined)
    }
  })

  it('wrapped by OpenBao are imported', () => {
    const { keys, byok } = transitVectors() as Vectors
    const secret = createPrivateKey(byok.destination_private_key)
    for (const { source, hash, keys: blobs } of byok.blobs)
      for (const [version, blob] of Object.entries(blobs)) {
        const material = unwrapKey(secret, Buffer.from(blob, 'base64'), oaepHash(hash)) ?? new Uint8Array()
        const parts = keys.find(({ name }) => name === source)?.versions[version] ?? {}
        const raw = Buffer.from(material).toString('base64')
        if (parts['public_key'] === undefined)
          expect([parts['encryption_key'], parts['hmac_key']], source).to.include(raw)
        else
          expect(createPrivateKey({ key: Buffer.from(material), format: 'der', type: 'pkcs8' }).type).to.equal(
            'private',
          )
      }
  })
})

describe('keys from elsewhere, over HTTP', () => {
  let server: TestServer
  let wrapping = ''
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/t', { type: 'transit' })
    wrapping = String((await server.data('GET', 't/wrapping_key'))['public_key'])
  })
  after(async () => server.running.stop())

  const post = async (path: string, body: Body) => server.call('POST', `/v1/t/${path}`, body)
  const wrapped = (material: Uint8Array) =>
    Buffer.from(wrapKey(createPublicKey(wrapping), material, 'sha256', randomBytes)).toString('base64')
  const dataOf = (reply: { readonly body: Body }) => reply.body['data'] as Body

  it('derived ones of every symmetric type and Ed25519 can be used', async () => {
    const sizes = { 'aes128-gcm96': 16, 'aes256-gcm96': 32, 'chacha20-poly1305': 32, 'xchacha20-poly1305': 32 }
    for (const [type, size] of Object.entries(sizes)) {
      await post(`keys/${type}/import`, { type, derived: true, ciphertext: wrapped(randomBytes(size)) })
      const { ciphertext } = dataOf(await post(`encrypt/${type}`, { plaintext: b64('x'), context: b64('c') }))
      expect(dataOf(await post(`decrypt/${type}`, { ciphertext, context: b64('c') }))['plaintext']).to.equal(b64('x'))
    }
    const { privateKey } = generateKeyPairSync('ed25519')
    await post('keys/ed/import', { type: 'ed25519', derived: true, ciphertext: wrapped(privateDer(privateKey)) })
    const { signature } = dataOf(await post('sign/ed', { input: b64('x'), context: b64('c') }))
    const checked = await post('verify/ed', { input: b64('x'), context: b64('c'), signature })
    expect(dataOf(checked)['valid']).to.equal(true)
  })

  it('a private key that came after its version was archived is not lost', async () => {
    const [one, two] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')]
    const pem = (key: typeof one) => key.publicKey.export({ type: 'spki', format: 'pem' }).toString()
    await post('keys/late/import', { type: 'ed25519', public_key: pem(one), exportable: true })
    await post('keys/late/import_version', { public_key: pem(two) })
    await post('keys/late/config', { min_decryption_version: 2 })
    await post('keys/late/import_version', { ciphertext: wrapped(privateDer(one.privateKey)), version: 1 })
    await post('keys/late/config', { min_decryption_version: 1 })
    const { keys } = await server.data('GET', 't/export/signing-key/late')
    const raw = Buffer.from(ed25519Private(one.privateKey)).toString('base64')
    expect(keys).to.deep.equal({ 1: raw, 2: '' })
  })

  it('may not rotate by themselves more often than hourly, or at all without allow_rotation', async () => {
    const ciphertext = wrapped(randomBytes(32))
    for (const more of [{ auto_rotate_period: '24h' }, { auto_rotate_period: '59m', allow_rotation: true }])
      expect((await post('keys/auto/import', { ciphertext, ...more })).status).to.equal(400)
  })

  it('leave no trace of the wrapping key in the list of keys', async () => {
    const { keys } = await server.data('GET', 't/keys?list=true')
    expect((keys as string[]).filter((name) => name.includes('/'))).to.deep.equal([])
  })
})
