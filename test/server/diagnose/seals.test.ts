import { expect } from 'chai'
import type { StaticSealSettings } from '../../../src/contract/seal.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import { StaticSeal } from '../../../src/seal/auto/static.ts'
import { RootKeySeal } from '../../../src/seal/root-key-seal.ts'
import { checkSeals } from '../../../src/server/diagnose/seals.ts'
import { Secret } from '../../../src/util/secret.ts'
import { HandClock } from '../../support/clock.ts'

const settings = (name: string): StaticSealSettings => ({ type: 'static', name, disabled: false, current: { id: 'a', key: new Secret(Buffer.from(randomBytes(32)).toString('base64')) } }) // prettier-ignore

describe('diagnose of the seals', () => {
  it('tries the unseal key of the storage: a seal with another key of the same name works, and does not unseal', async () => {
    const [one, two] = [settings('one'), settings('two')]
    const autoSeals = [one, two].map((each) => new StaticSeal(each, randomBytes))
    const { record } = await new RootKeySeal(randomBytes, { autoSeals }).protect(randomBytes(32), 3, 2)
    const found = async (...seals: readonly StaticSealSettings[]): Promise<string> => {
      const { children } = await checkSeals({ seals }, record, new HandClock())
      expect(children.slice(0, -1).map(({ status }) => status)).to.deep.equal(seals.map(() => 'ok'))
      const { status, message } = children.at(-1) ?? {}
      return `${status} ${message}`
    }
    expect(await found(one, two)).to.equal('ok the configuration has it, and it decrypts the unseal key')
    expect(await found(one, settings('two'))).to.match(
      /^warn the unseal key is not decrypted by two: .*is another one$/,
    )
    expect(await found(settings('one'))).to.match(/^fail the unseal key is not decrypted by one: /)
    expect(await found(settings('three'))).to.match(
      /^fail it is sealed by one, two, which the configuration does not have/,
    )
  })
})
