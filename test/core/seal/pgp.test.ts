import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { decrypt, generateKey, readMessage } from 'openpgp'
import type { PrivateKey } from 'openpgp'
import { decoded } from '../../../src/core/seal/generate-root.ts'
import { readPgpKey } from '../../../src/crypto/keys/pgp.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { TestSealManager, faultOf, unsealedManager } from '../../support/seal-manager.ts'

/** Somebody with a PGP key pair, as the library of the openpgp project makes it. */
interface Holder {
  readonly key: PrivateKey
  /** The public key, base64 of its binary form. */
  readonly given: string
}

async function holder(name: string): Promise<Holder> {
  const { privateKey, publicKey } = await generateKey({ userIDs: [{ name }], format: 'object' })
  return { key: privateKey, given: Buffer.from(publicKey.write()).toString('base64') }
}

async function read(message: Uint8Array, { key }: Holder): Promise<string> {
  const { data } = await decrypt({ message: await readMessage({ binaryMessage: message }), decryptionKeys: key })
  return String(data)
}

const print = ({ key }: Holder) => key.getFingerprint()

/** Makes a key with GnuPG in a folder, and gives the public one, base64 of its binary form. */
function gpgKey(folder: string, name: string, lines: readonly string[]): string {
  const parameters = ['%no-protection', ...lines, `Name-Email: ${name}@example.com`, '%commit', ''].join('\n')
  gpg(folder, ['--quiet', '--gen-key'], parameters)
  return gpg(folder, ['--export', `<${name}@example.com>`]).toString('base64')
}

function gpg(folder: string, words: readonly string[], input: string | Uint8Array = ''): Buffer {
  return execFileSync('gpg', ['--homedir', folder, '--batch', ...words], { input, stdio: ['pipe', 'pipe', 'ignore'] })
}

const elgamal = ['Subkey-Type: ELG-E', 'Subkey-Length: 2048']
const ecdsa = (curve: string) => ['Key-Type: ECDSA', `Key-Curve: ${curve}`, 'Key-Usage: sign']
const ecdh = (curve: string) => ['Subkey-Type: ECDH', `Subkey-Curve: ${curve}`]
const brainpool = ecdh('brainpoolP384r1')
const curves = [
  'brainpoolP256r1',
  'brainpoolP384r1',
  'brainpoolP512r1',
  'secp256k1',
  'nistp256',
  'nistp384',
  'nistp521',
]

describe('PGP keys as GnuPG makes them', function () {
  this.timeout(120_000)
  let folder = ''
  before(function () {
    // The socket of its agent has a path of 108 bytes at most.
    folder = mkdtempSync('/tmp/gpg-')
    try {
      gpg(folder, ['--version'])
    } catch {
      leaveOut(this, 'no gpg on this machine')
    }
  })
  after(() => {
    try {
      execFileSync('gpgconf', ['--homedir', folder, '--kill', 'all'], { stdio: 'ignore' })
    } catch {
      // There is none to end.
    }
    rmSync(folder, { recursive: true, force: true })
  })

  for (const [name, lines] of [
    ['dsa-elgamal', ['Key-Type: DSA', 'Key-Length: 2048', ...elgamal]],
    ['rsa-elgamal', ['Key-Type: RSA', 'Key-Length: 2048', 'Key-Usage: sign', ...elgamal]],
    ['ed25519-brainpool', ['Key-Type: EDDSA', 'Key-Curve: ed25519', 'Key-Usage: sign', ...brainpool]],
    ['ed25519-cv25519', ['Key-Type: EDDSA', 'Key-Curve: ed25519', 'Key-Usage: sign', ...ecdh('cv25519')]],
    ...curves.map((curve) => [curve, [...ecdsa(curve), ...ecdh(curve)]] as const),
    ['brainpool-rsa', [...ecdsa('brainpoolP256r1'), 'Subkey-Type: RSA', 'Subkey-Length: 2048']],
    ['secp256k1-cv25519', [...ecdsa('secp256k1'), ...ecdh('cv25519')]],
  ] as const)
    it(`encrypts a share that GnuPG reads: ${name}`, async () => {
      const recipient = await readPgpKey('pgp_keys', gpgKey(folder, name, lines))
      const message = await recipient.encrypt('a share')
      expect(gpg(folder, ['--decrypt'], message).toString()).to.equal('a share')
    })

  for (const [name, lines, why] of [
    ['brainpool-signs', ecdsa('brainpoolP256r1'), /only for signatures/],
    ['secp256k1-signs', ecdsa('secp256k1'), /only for signatures/],
    ['signs', ['Key-Type: EDDSA', 'Key-Curve: ed25519', 'Key-Usage: sign'], /only for signatures/],
    ['short', ['Key-Type: DSA', 'Key-Length: 2048', 'Subkey-Type: ELG-E', 'Subkey-Length: 1024'], /too short|too weak/],
  ] as const)
    it(`says why a key cannot be used: ${name}`, async () => {
      const fault = await faultOf(readPgpKey('pgp_keys', gpgKey(folder, name, lines)))
      expect(fault).to.have.property('code', 'invalid_request')
      expect(fault.message).to.match(why)
    })

  for (const curve of ['brainpoolP256r1', 'secp256k1'])
    it(`sees that a key on ${curve} was revoked, and that its signature was changed`, async () => {
      const name = `gone-${curve}`
      const whole = Buffer.from(gpgKey(folder, name, [...ecdsa(curve), ...ecdh(curve)]), 'base64')
      const changed = Buffer.from(whole)
      changed.writeUInt8(changed.readUInt8(changed.length - 1) ^ 1, changed.length - 1)
      const forged = await faultOf(readPgpKey('pgp_keys', changed.toString('base64')))
      expect(forged.message).to.match(/nothing can be encrypted/)
      const fingerprint = /^fpr:+(\w+):/m.exec(
        gpg(folder, ['--list-keys', '--with-colons', `<${name}@example.com>`]).toString(),
      )
      const place = join(folder, 'openpgp-revocs.d', `${fingerprint?.[1]}.rev`)
      const certificate = readFileSync(place, 'utf8').replace(':-----BEGIN', '-----BEGIN')
      gpg(folder, ['--import'], certificate)
      const revoked = gpg(folder, ['--export', `<${name}@example.com>`]).toString('base64')
      expect((await faultOf(readPgpKey('pgp_keys', revoked))).message).to.match(/revoked/)
    })
})

describe('shares and root tokens encrypted with PGP', () => {
  let ann: Holder
  let ben: Holder
  before(async () => {
    ;[ann, ben] = await Promise.all([holder('ann'), holder('ben')])
  })

  const given = () => [ann.given, ben.given]
  const opened = async (messages: readonly Uint8Array[], holders: readonly Holder[]) =>
    Promise.all(messages.map(async (message, at) => Buffer.from(await read(message, holders[at] ?? ann), 'hex')))

  it('init encrypts each share for its holder only, and the root token for its own key', async () => {
    const test = new TestSealManager()
    const made = await test.manager.initialise(2, 2, { pgpKeys: given(), rootTokenPgpKey: ben.given })
    expect((await opened(made.shares, [ann, ben])).map(({ length }) => length)).to.deep.equal([33, 33])
    expect(await read(Buffer.from(made.rootToken, 'base64'), ben)).to.match(/^[A-Za-z0-9]{26}$/)
    await test.unseal(await opened(made.shares, [ann, ben]))
    expect(test.manager.isUnsealed).to.equal(true)
    expect(await read(made.shares[0] ?? new Uint8Array(), ben).catch(() => 'closed')).to.equal('closed')
  })

  it('init with keys that cannot be used initialises nothing', async () => {
    const test = new TestSealManager()
    const secret = Buffer.from(ann.key.write()).toString('base64')
    for (const pgpKeys of [
      [ann.given],
      [...given(), ann.given],
      [ann.given, 'AAAA'],
      [ann.given, ''],
      [ann.given, 'not base64!'],
      [ann.given, secret],
    ])
      // prettier-ignore
      expect((await faultOf(test.manager.initialise(2, 2, { pgpKeys }))).code).to.equal('invalid_request')
    expect((await faultOf(test.manager.initialise(2, 2, { rootTokenPgpKey: 'AAAA' }))).code).to.equal('invalid_request')
    expect((await test.manager.status()).initialised).to.equal(false)
  })

  it('a rekey encrypts the new shares for their holders, and keeps a backup if asked to', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start(
      { shares: 2, threshold: 2, verify: false, pgpKeys: [ben.given, ann.given], backup: true },
      '',
    )
    expect((await test.rekey.status()).fingerprints).to.deep.equal([print(ben), print(ann)])
    const made = await test.give(test.rekey, shares.slice(0, 2))
    expect(made)
      .to.include({ backup: true })
      .and.to.have.deep.property('fingerprints', [print(ben), print(ann)])
    const hexed = (made?.shares ?? []).map((message) => Buffer.from(message).toString('hex'))
    expect(await test.rekey.backups.read()).to.deep.equal({
      nonce: made?.nonce,
      keys: { [print(ben)]: [hexed[0]], [print(ann)]: [hexed[1]] },
    })
    await test.rekey.backups.remove()
    expect((await faultOf(test.rekey.backups.read())).message).to.equal('no backed-up keys found')
    expect(await test.opensWith(await opened(made?.shares ?? [], [ben, ann]))).to.equal(true)
  })

  it('a rekey with verification takes the decrypted shares back', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start({ shares: 2, threshold: 2, verify: true, pgpKeys: given() }, '')
    const made = await test.give(test.rekey, shares.slice(0, 2))
    for (const share of await opened(made?.shares ?? [], [ann, ben]))
      await test.rekey.verify(share, made?.verificationNonce ?? '', '')
    expect(await test.opensWith(await opened(made?.shares ?? [], [ann, ben]))).to.equal(true)
  })

  it('a rekey never keeps a backup of shares in clear', async () => {
    const { test } = await unsealedManager()
    const asked = test.rekey.start({ shares: 2, threshold: 2, verify: false, backup: true }, '')
    expect((await faultOf(asked)).code).to.equal('invalid_request')
    expect((await test.rekey.status()).started).to.equal(false)
  })

  it('the shares stay unchanged if their backup cannot be stored', async () => {
    const { test, shares } = await unsealedManager()
    await test.rekey.start({ shares: 2, threshold: 2, verify: false, pgpKeys: given(), backup: true }, '')
    test.storage.plan = ['refused']
    expect((await faultOf(test.give(test.rekey, shares.slice(0, 2)))).code).to.equal('unavailable')
    expect(await test.opensWith(shares.slice(0, 2))).to.equal(true)
  })

  it('a generated root token is encrypted with PGP instead of a one-time password', async () => {
    const { test, shares } = await unsealedManager()
    expect((await faultOf(test.root.start('x'.repeat(26), ann.given))).code).to.equal('invalid_request')
    expect(await test.root.start('', ann.given)).to.equal('')
    const { nonce, fingerprint } = await test.root.status()
    expect(fingerprint).to.equal(print(ann))
    await test.root.update(shares[0] ?? new Uint8Array(), nonce)
    const done = await test.root.update(shares[1] ?? new Uint8Array(), nonce)
    expect(done).to.include({ complete: true, fingerprint: print(ann) })
    expect(await read(Buffer.from(done.encoded, 'base64'), ann)).to.match(/^[A-Za-z0-9]{26}$/)
    expect(() => decoded(done.encoded, 'x'.repeat(26))).to.throw()
  })
})
