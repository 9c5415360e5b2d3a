import { expect } from 'chai'
import { newCode, removeExpiredGrants, takeGrant } from '../../../../../src/engines/identity/oidc/provider/codes.ts'
import { openBarrier } from '../../../../support/barrier.ts'
import { HandClock } from '../../../../support/clock.ts'
import { identityOf } from '../support.ts'

const grant = {
  provider: 'default',
  client: 'a-client',
  entity: 'an-entity',
  redirectUri: 'https://app.example/',
  scopes: ['openid'],
  nonce: '',
  authTime: null,
  challenge: '',
  challengeMethod: 'plain',
} as const

describe('the codes of OIDC providers', () => {
  it('are stored as hashes, taken once, and removed when nobody has fetched them in time', async () => {
    const clock = new HandClock()
    const view = (await openBarrier()).barrier.view('identity/')
    const identity = identityOf(view, clock)
    const stored = async (): Promise<string[]> => {
      const folders = await view.list('oidc-code/')
      return (await Promise.all(folders.map(async (folder) => view.list(`oidc-code/${folder}`)))).flat()
    }
    const codes = [await newCode(identity, grant), await newCode(identity, grant)]
    expect(await stored()).to.have.length(2)
    for (const code of codes) expect((await stored()).join(' ')).to.not.include(code.slice(0, 32))
    expect((await takeGrant(identity, codes[0] ?? ''))?.client).to.equal('a-client')
    expect(await takeGrant(identity, codes[0] ?? '')).to.equal(undefined)
    await removeExpiredGrants(identity)
    expect(await stored(), 'still valid').to.have.length(1)
    clock.advance(6 * 60_000)
    await removeExpiredGrants(identity)
    expect(await stored()).to.have.length(0)
  })
})
