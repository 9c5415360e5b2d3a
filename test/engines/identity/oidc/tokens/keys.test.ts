import { expect } from 'chai'
import { keyNamed, rotateDue, setKey } from '../../../../../src/engines/identity/oidc/tokens/keys.ts'
import { openBarrier } from '../../../../support/barrier.ts'
import { HandClock } from '../../../../support/clock.ts'
import { identityOf } from '../support.ts'

describe('the keys of identity tokens', () => {
  it('rotate when they are due, though the record of another one is damaged', async () => {
    const clock = new HandClock()
    const view = (await openBarrier()).barrier.view('identity/')
    const identity = identityOf(view, clock)
    const change = { algorithm: 'EdDSA', rotationPeriod: 60, verificationTtl: 60, allowedClients: [] }
    await setKey(identity, 'good', change, () => undefined)
    await view.put('oidc-key/a-damaged-one', { algorithm: 'none' })
    const before = await keyNamed(view, 'good')
    clock.advance(60_000)
    const failed = await rotateDue(identity).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(failed).to.include({ code: 'internal' })
    expect((await keyNamed(view, 'good'))?.signing).to.deep.equal(before?.next)
  })
})
