import { randomBytes } from 'node:crypto'
import { expect } from 'chai'
import type { Pkcs11SealSettings } from '../../../src/contract/seal.ts'
import { Pkcs11Seal } from '../../../src/seal/auto/pkcs11.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { Secret } from '../../../src/util/secret.ts'
import { leaveOut } from '../../support/leave-out.ts'
import { faultOf } from '../../support/seal-manager.ts'
import { SoftHsm, hasSoftHsm } from '../../support/services/softhsm.ts'

describe('the seal pkcs11, with SoftHSM', function () {
  this.timeout(60_000)
  let hsm: SoftHsm
  before(function () {
    if (!hasSoftHsm()) leaveOut(this, 'no SoftHSM on this machine: `make test-seals` brings it')
    hsm = new SoftHsm().token('lab').token('other')
    hsm.aesKey('lab', 'aes', '01').aesKey('lab', 'twin', '02').aesKey('lab', 'twin', '03').rsaKey('lab', 'rsa', '04')
    hsm.rsaKey('lab', 'short', '05', 1024).aesKey('other', 'aes', '01')
  })

  const sealOf = (more: Partial<Pkcs11SealSettings> = {}): Pkcs11Seal =>
    new Pkcs11Seal({ type: 'pkcs11', name: 'hsm', disabled: false, lib: hsm.lib, tokenLabel: 'lab', pin: new Secret(hsm.pin), key: { label: 'aes', id: '' }, oaepHash: 'sha1', ...more }, randomBytes, systemClock) // prettier-ignore
  const unsealKey = new Uint8Array(randomBytes(32))

  it('encrypts and decrypts with AES-GCM and RSA-OAEP, by label or id', async () => {
    const keys = [
      [{ label: 'aes', id: '' }, /^aes-gcm:[^:]{16}:/],
      [{ label: '', id: '01' }, /^aes-gcm:/],
      [{ label: 'twin', id: '03' }, /^aes-gcm:/],
      [{ label: 'rsa', id: '' }, /^rsa-oaep:sha1:/],
    ] as const
    for (const [key, format] of keys) {
      const seal = sealOf({ key })
      const wrapped = await seal.wrap(unsealKey)
      expect(wrapped).to.include({ seal: 'hsm', keyId: `${key.label}:${key.id}` })
      expect(wrapped.value).to.match(format)
      expect(await seal.unwrap(wrapped)).to.deep.equal(unsealKey)
      expect(seal.isCurrent(wrapped)).to.equal(true)
      // Another key of the configuration: what the older one encrypted is still decrypted.
      const next = sealOf({ key: { label: 'aes', id: '0a' } })
      expect(next.isCurrent(wrapped)).to.equal(false)
      expect(await next.unwrap(wrapped)).to.deep.equal(unsealKey)
    }
  })

  it('notices a changed ciphertext, and another key of the same name', async () => {
    const wrapped = await sealOf().wrap(unsealKey)
    const [mechanism, iv, text = ''] = wrapped.value.split(':')
    const changed = Buffer.from(text, 'base64')
    changed.writeUInt8((changed[3] as number) ^ 1, 3)
    const value = [mechanism, iv, changed.toString('base64')].join(':')
    expect(await faultOf(sealOf().unwrap({ ...wrapped, value }))).to.have.property('code', 'precondition_failed')
    const other = sealOf({ tokenLabel: 'other' })
    expect(await faultOf(other.unwrap(wrapped))).to.have.property('code', 'precondition_failed')
    for (const damaged of [
      '',
      'aes-gcm',
      'aes-gcm::',
      'rsa-oaep:md5:AAAA',
      `aes-gcm:AAAA:${text}`,
      'x'.repeat(100_000),
    ])
      expect(await faultOf(sealOf().unwrap({ ...wrapped, value: damaged }))).to.have.property(
        'code',
        'precondition_failed',
      )
  })

  it('names missing settings', async () => {
    const message = async (more: Partial<Pkcs11SealSettings>): Promise<string> =>
      faultOf(sealOf(more).wrap(unsealKey)).then((fault) => fault.message)
    expect(await message({ lib: '/nowhere/lib.so' })).to.match(/the file of lib is not there/)
    const notNative = await message({ lib: '/etc/hostname' })
    expect(notNative)
      .to.match(/lib cannot be loaded/)
      .and.not.match(/\/etc\//)
    expect(await message({ tokenLabel: 'nowhere' })).to.match(/no token has the label "nowhere"/)
    expect(await message({ key: { label: 'nowhere', id: '' } })).to.match(/no AES or private RSA key named "nowhere"/)
    expect(await message({ key: { label: 'twin', id: '' } })).to.match(/several keys are named "twin": give/)
    expect(await message({ key: { label: 'rsa', id: '' }, mechanism: 'aes-gcm' })).to.match(/no AES or private RSA key/)
    expect(await message({ key: { label: 'short', id: '' } })).to.match(/fewer than 2048 bits/)
    const sha256 = sealOf({ key: { label: 'rsa', id: '' }, oaepHash: 'sha256' })
    expect((await faultOf(sha256.unwrap(await sha256.wrap(unsealKey)))).message).to.match(/SoftHSM knows only "sha1"/)
  })

  it('tries a wrong PIN once', async () => {
    const seal = sealOf({ pin: new Secret('4321') })
    const together = await Promise.all([1, 2, 3].map(async () => faultOf(seal.wrap(unsealKey))))
    expect(together[0]?.message).to.match(/refuses the PIN \(C_Login: CKR_PIN_INCORRECT\); it is not tried again/)
    const before = performance.now()
    expect((await faultOf(seal.wrap(unsealKey))).message).to.match(/it is not tried again/)
    // No process was started for it.
    expect(performance.now() - before).to.be.lessThan(20)
    expect(await sealOf().unwrap(await sealOf().wrap(unsealKey))).to.deep.equal(unsealKey)
  })
})
