import { expect } from 'chai'
import { Fault } from '../../../../src/contract/fault.ts'
import { filtered } from '../../../../src/core/request/decision/list-filter.ts'

describe('list filter', () => {
  const shows = (key: string): boolean => key !== 'hidden'

  it('key_info is filtered like keys', async () => {
    const data = { keys: ['a', 'hidden'], key_info: { a: { n: 1 }, hidden: { n: 2 } } }
    expect((await filtered({ data }, shows)).data).to.deep.equal({ keys: ['a'], key_info: { a: { n: 1 } } })
  })

  it('a response that could reveal the hidden names is refused', async () => {
    for (const data of [{ keys: ['a'], all: ['hidden'] }, { names: ['hidden'] }, { keys: 'hidden' }]) {
      const outcome = await filtered({ data }, shows).catch((thrown: unknown) => thrown)
      expect(outcome, JSON.stringify(data)).to.be.instanceOf(Fault).with.property('code', 'internal')
    }
  })

  it('yields to other requests while it filters many names', async () => {
    let turns = 0
    const ticking = setInterval(() => turns++, 0)
    const keys = Array.from({ length: 100_000 }, (_, at) => `k${at}`)
    const { data } = await filtered({ data: { keys } }, (key) => key.endsWith('7'))
    clearInterval(ticking)
    expect(data?.['keys']).to.have.length(10_000)
    expect(turns).to.be.greaterThan(0)
  })
})
