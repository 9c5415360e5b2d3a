import { expect } from 'chai'
import { Fault } from '../../../../src/contract/fault.ts'
import { filtered } from '../../../../src/core/request/decision/list-filter.ts'

describe('list filter', () => {
  const shows = (key: string): boolean => key !== 'hidden'

  it('key_info loses what keys lost', async () => {
    const data = { keys: ['a', 'hidden'], key_info: { a: { n: 1 }, hidden: { n: 2 } } }
    expect((await filtered({ data }, shows)).data).to.deep.equal({ keys: ['a'], key_info: { a: { n: 1 } } })
  })

  it('an answer that may tell the hidden names elsewhere is not given', async () => {
    for (const data of [{ keys: ['a'], all: ['hidden'] }, { names: ['hidden'] }, { keys: 'hidden' }]) {
      const outcome = await filtered({ data }, shows).catch((thrown: unknown) => thrown)
      expect(outcome, JSON.stringify(data)).to.be.instanceOf(Fault).with.property('code', 'internal')
    }
  })

  it('lets others have their turn among many names', async () => {
    let turns = 0
    const ticking = setInterval(() => turns++, 0)
    const keys = Array.from({ length: 100_000 }, (_, at) => `k${at}`)
    const { data } = await filtered({ data: { keys } }, (key) => key.endsWith('7'))
    clearInterval(ticking)
    expect(data?.['keys']).to.have.length(10_000)
    expect(turns).to.be.greaterThan(0)
  })
})
