import { expect } from 'chai'
import { openBarrier } from '../../../../support/barrier.ts'
import { HandClock } from '../../../../support/clock.ts'
import { identityOf } from '../support.ts'

const access = { provider: 'default', client: 'a-client', entity: 'an-entity', scopes: ['openid'], expiresAt: 9e15 }

describe('the access tokens of OIDC providers', () => {
  it('are read by every process of the same storage, and reading one changes nothing', async () => {
    const view = (await openBarrier()).barrier.view('identity/')
    const clock = new HandClock()
    const [issuer, reader] = [identityOf(view, clock), identityOf(view, clock)]
    for (const token of ['a.b', 'a.', '.', ''])
      expect(await reader.access.read(token), `${token}, before there is a key`).to.equal(undefined)
    expect(await view.list('')).to.deep.equal([])
    const token = await issuer.access.issue(access)
    expect(await reader.access.read(token)).to.deep.equal(access)
    expect(await reader.access.read(`${token}x`)).to.equal(undefined)
  })
})
