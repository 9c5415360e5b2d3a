import { expect } from 'chai'
import { lockoutTypes } from '../../src/config/lockout.ts'
import type { Engine } from '../../src/contract/engine.ts'
import { engines } from '../../src/server/engines.ts'

describe('the types of login methods that lock users out', () => {
  it('are the same in the configuration and among the engines', () => {
    const all = engines({ kind: 'auth' } as Engine, {} as never)
    const locking = all.filter(({ locksOut }) => locksOut).map(({ type }) => type)
    expect(lockoutTypes.filter((type) => type !== 'all')).to.deep.equal(locking.sort())
  })
})
