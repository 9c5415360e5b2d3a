import { expect } from 'chai'
import type { AwsKmsSealSettings } from '../../../src/contract/seal.ts'
import { AwsKmsSeal } from '../../../src/seal/auto/awskms.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { Secret } from '../../../src/util/secret.ts'
import { Moto } from '../../clients/programs/moto.ts'
import { faultOf } from '../../support/seal-manager.ts'

describe("the seal awskms, with moto's server", function () {
  this.timeout(180_000)
  let moto: Moto
  let arn = ''
  let id = ''
  before(async function () {
    moto = await Moto.start(this)
    const { KeyMetadata } = await moto.json('kms', 'TrentService.CreateKey', {})
    const key = KeyMetadata as { readonly Arn: string; readonly KeyId: string }
    arn = key.Arn
    id = key.KeyId
    await moto.json('kms', 'TrentService.CreateAlias', { AliasName: 'alias/unseal', TargetKeyId: id })
  })
  after(async () => moto?.stop())

  const sealOf = (more: Partial<AwsKmsSealSettings> = {}): AwsKmsSeal =>
    new AwsKmsSeal({ type: 'awskms', name: 'kms', disabled: false, region: 'us-east-1', endpoint: moto.address, keyId: id, credentials: moto.credentials, ...more }, systemClock) // prettier-ignore
  const unsealKey = new Uint8Array(32).fill(7)
  const failure = async (seal: AwsKmsSeal): Promise<string> => {
    const fault = await faultOf(seal.wrap(unsealKey))
    expect(fault.code).to.equal('unavailable')
    return fault.message
  }

  it('encrypts and decrypts with an id, an ARN or an alias, signed', async () => {
    for (const keyId of [id, arn, 'alias/unseal']) {
      const seal = sealOf({ keyId })
      const wrapped = await seal.wrap(unsealKey)
      expect(wrapped.keyId).to.equal(`us-east-1/${keyId}`)
      expect(seal.isCurrent(wrapped)).to.equal(true)
      expect(Buffer.from(wrapped.value, 'base64').includes(Buffer.from(unsealKey))).to.equal(false)
      expect(await seal.unwrap(wrapped)).to.deep.equal(unsealKey)
      expect(sealOf({ keyId: 'other' }).isCurrent(wrapped)).to.equal(false)
      expect(sealOf({ keyId, region: 'eu-central-1' }).isCurrent(wrapped)).to.equal(false)
    }
  })

  it('binds the ciphertext to its purpose', async () => {
    const { value } = await sealOf().wrap(unsealKey)
    const bare = await moto.json('kms', 'TrentService.Decrypt', { CiphertextBlob: value })
    expect(bare['__type']).to.equal('InvalidCiphertextException')
    const EncryptionContext = { application: 'strongroom', purpose: 'unseal-key' }
    const { Plaintext } = await moto.json('kms', 'TrentService.Decrypt', { CiphertextBlob: value, EncryptionContext })
    expect(Buffer.from(String(Plaintext), 'base64')).to.deep.equal(Buffer.from(unsealKey))
  })

  it('names the error and the remedy', async () => {
    const { accessKey, secretKey } = moto.credentials
    const message = async (more: Partial<AwsKmsSealSettings>): Promise<string> => failure(sealOf(more))
    expect(await message({ credentials: { accessKey, secretKey: new Secret('wrong') } })).to.match(/check secret_key/)
    expect(await message({ credentials: { accessKey: 'NOBODY', secretKey } })).to.match(/check access_key/)
    expect(await message({ keyId: '00000000-0000-0000-0000-000000000000' })).to.match(/NotFoundException: .*check kms_key_id and region/) // prettier-ignore
    expect(await message({ endpoint: 'http://127.0.0.1:9' })).to.match(/no response \(ECONNREFUSED\)/)
    expect(await faultOf(sealOf().unwrap({ seal: 'kms', keyId: id, value: 'AAAA' })).then(({ message: text }) => text)).to.match(/another key/) // prettier-ignore
  })
})
