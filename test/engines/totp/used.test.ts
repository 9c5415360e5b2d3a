import { expect } from 'chai'
import { CodesSeen } from '../../../src/engines/totp/used.ts'
import type { Key } from '../../../src/engines/totp/key.ts'
import { openBarrier } from '../../support/barrier.ts'

const key: Key = { key: 'YQ==', issuer: '', accountName: '', period: 30, digits: 6, algorithm: 'SHA1', skew: 1 }

describe('used codes', () => {
  it('are stored for as long as a period accepts them, and then removed', async () => {
    const { barrier } = await openBarrier()
    const view = barrier.view('mount/x/')
    const seen = new CodesSeen(view)
    const use = async (name: string, code: string, counter: number, now: number) =>
      view.transaction(async (tx) => seen.use(tx, name, key, { code, counter }, await seen.used(tx, name, code, now)))
    await use('a', '111111', 10, 300_000)
    await use('a', '222222', 11, 330_000)
    await use('b', '333333', 10, 300_000)
    // Another process, or this one after a restart.
    const other = new CodesSeen(view)
    const refused = async (name: string, code: string, now: number) =>
      view
        .transaction(async (tx) => other.used(tx, name, code, now))
        .then(
          () => false,
          () => true,
        )
    expect(await refused('a', '111111', 359_999)).to.equal(true)
    expect(await refused('a', '111111', 360_000)).to.equal(false)
    expect(await refused('b', '111111', 300_000)).to.equal(false)
    await other.tidy(360_000)
    expect(await view.list('used/')).to.deep.equal(['a'])
    await other.tidy(390_000)
    expect(await view.list('used/')).to.deep.equal([])
  })
})
