import { createCipheriv, generateKeyPairSync, randomBytes, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { devServer } from '../../../support/server.ts'
import type { TestServer } from '../../../support/server.ts'
import { Shell } from '../../support.ts'
import type { Outcome } from '../../support.ts'

const plaintext = Buffer.from('brought along').toString('base64')

describe('transit import', () => {
  let server: TestServer
  let shell: Shell
  let pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject }
  const imports = async (...words: readonly string[]): Promise<Outcome> => shell.run(['transit', 'import', ...words])
  const adds = async (...words: readonly string[]): Promise<Outcome> =>
    shell.run(['transit', 'import-version', ...words])
  const file = (name: string, text: string): string => {
    writeFileSync(join(shell.home, name), text)
    return `@${join(shell.home, name)}`
  }
  const decrypted = async (name: string, ciphertext: string): Promise<unknown> =>
    (await server.data('POST', `transit/decrypt/${name}`, { ciphertext }))['plaintext']

  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'sys/mounts/deep/er', { type: 'transit' })
    pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  })
  after(async () => server.running.stop())
  beforeEach(() => {
    shell = new Shell({ VAULT_ADDR: server.running.address, VAULT_TOKEN: 'root' })
  })

  it('imports the very key, and its next version', async () => {
    const [first, second] = [randomBytes(32), randomBytes(32)]
    const made = await imports('transit/keys/aes', first.toString('base64'), 'type=aes256-gcm96', 'exportable=true')
    expect(made).to.deep.equal({ code: 0, out: 'Success! Imported the key: transit/keys/aes\n', err: '' })
    expect(await decrypted('aes', sealed(1, first))).to.equal(plaintext)
    shell.stdin = `${second.toString('base64')}\n`
    const added = await adds('transit/keys/aes', '-')
    expect(added).to.deep.equal({ code: 0, out: 'Success! Imported a version of the key: transit/keys/aes\n', err: '' })
    expect(await decrypted('aes', sealed(2, second))).to.equal(plaintext)
    const { ciphertext } = await server.data('POST', 'transit/encrypt/aes', { plaintext })
    expect(ciphertext).to.match(/^vault:v2:/)
    expect(await server.data('GET', 'transit/keys/aes')).to.include({ imported_key: true, exportable: true })
  })

  it('imports key pairs as PEM, as DER in base64 with line feeds, and in a mount with slashes', async () => {
    const pem = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    const der = (pair.privateKey.export({ type: 'pkcs8', format: 'der' }) as Buffer).toString('base64')
    const lines = der.replace(/.{76}/g, '$&\r\n')
    const forms = { pem: file('k.pem', pem), der: file('k.b64', lines), spaced: `  ${der}\n` }
    for (const [name, form] of Object.entries(forms)) {
      const { code, err } = await imports(`/deep/er/keys/${name}/`, form, 'type=rsa-2048', 'hash_function=SHA512')
      expect(code, err).to.equal(0)
      const { signature } = await server.data('POST', `deep/er/sign/${name}`, { input: plaintext, signature_algorithm: 'pkcs1v15' }) // prettier-ignore
      const bytes = Buffer.from(String(signature).replace('vault:v1:', ''), 'base64')
      expect(verify('sha256', Buffer.from(plaintext, 'base64'), pair.publicKey, bytes)).to.equal(true)
    }
  })

  it('sends the key wrapped only, also in the output of -output-curl-string', async () => {
    const key = randomBytes(32).toString('base64')
    const { code, out } = await shell.run(['transit', 'import', '-output-curl-string', 'transit/keys/never', key])
    expect(code).to.equal(0)
    expect(out)
      .to.match(/^curl -X PUT .*ciphertext.*transit\/keys\/never\/import"\n$/)
      .and.not.include(key)
    expect((await server.call('GET', '/v1/transit/keys/never')).status).to.equal(404)
  })

  it('refuses invalid paths, keys and options locally, without repeating them', async () => {
    const key = randomBytes(32).toString('base64')
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    const old = other.export({ type: 'pkcs1', format: 'pem' }) as string
    const locked = other.export({ type: 'pkcs8', format: 'pem', cipher: 'aes256', passphrase: 'x' }) as string
    const refused: readonly (readonly [string, RegExp, readonly string[]])[] = [
      ['the words mixed up', /not the path of a key/, [key, 'transit/keys/x']],
      ['no mount', /not the path of a key/, ['keys/x', key]],
      ['no keys', /not the path of a key/, ['transit/x', key]],
      ['a part too many', /not the path of a key/, ['transit/keys/x/import', key]],
      ['no base64', /not base64/, ['transit/keys/x', `${key}!`]],
      ['base64 of URLs', /not base64/, ['transit/keys/x', Buffer.alloc(33, 0xfb).toString('base64url')]],
      ['a file with nothing', /not base64/, ['transit/keys/x', file('empty', '\n')]],
      ['no file', /cannot be read/, ['transit/keys/x', '@/nowhere/key']],
      ['PKCS#1', /openssl pkcs8/, ['transit/keys/x', file('old.pem', old)]],
      ['under a passphrase', /openssl pkcs8/, ['transit/keys/x', file('locked.pem', locked)]],
      ['half a PEM', /openssl pkcs8/, ['transit/keys/x', file('half.pem', old.slice(0, 300))]],
      ['the key as an option', /options of the key/, ['transit/keys/x', 'type=aes256-gcm96', key]],
      ['a second key', /options of the key/, ['transit/keys/x', key, `key=${key}`]],
      ['a wrapping of its own', /options of the key/, ['transit/keys/x', key, `ciphertext=${key}`]],
      ['standard input twice', /use "-" once/, ['transit/keys/x', '-', 'context=-']],
      ['a hash function', /hash_function is/, ['transit/keys/x', key, 'hash_function=md5']],
      ['too few words', /Not enough arguments/, ['transit/keys/x']],
    ]
    for (const [what, why, words] of refused)
      for (const does of [imports, adds]) {
        const { code, out, err } = await does(...words)
        expect([code, out], what).to.deep.equal([1, ''])
        expect(err, what).to.match(why).and.not.include(key.slice(0, 12))
        expect(err, what).to.not.match(/[A-Za-z0-9+/_-]{40}/)
      }
    expect((await server.call('GET', '/v1/transit/keys/x')).status).to.equal(404)
  })

  it('shows the refusal of the server, without the key', async () => {
    const key = randomBytes(32).toString('base64')
    const wrong: readonly (readonly [RegExp, () => Promise<Outcome>])[] = [
      [/Error reading nowhere\/wrapping_key/, async () => imports('nowhere/keys/x', key)],
      [/Error reading secret\/wrapping_key|no RSA public key/, async () => imports('secret/keys/x', key)],
      [/Error importing transit\/keys\/x: /, async () => imports('transit/keys/x', key, 'type=rsa-2048')],
      [/Error importing transit\/keys\/x: /, async () => imports('transit/keys/x', key, 'type=nothing')],
      [/Error importing a version of transit\/keys\/x: /, async () => adds('transit/keys/x', key)],
    ]
    for (const [why, does] of wrong) {
      const { code, out, err } = await does()
      expect([code, out], err).to.deep.equal([2, ''])
      expect(err).to.match(why).and.not.include(key.slice(0, 12))
    }
    expect((await imports('transit/keys/once', key)).code).to.equal(0)
    expect((await imports('transit/keys/once', key)).err).to.include('exists already')
  })
})

/** A ciphertext of AES-256-GCM as transit writes it, made without it. */
function sealed(version: number, key: Uint8Array): string {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const bytes = [nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()]
  return `vault:v${version}:${Buffer.concat(bytes).toString('base64')}`
}
