import { expect } from 'chai'
import { openBarrier } from '../support/barrier.ts'

describe('barrier view', () => {
  it('a transaction that fails because of records that changed meanwhile runs again', async () => {
    const view = (await openBarrier()).barrier.view('a/')
    await view.put('pointer', 'x')
    await view.put('x', 1)
    let runs = 0
    const found = await view.transaction(async (tx) => {
      runs++
      const name = String(await tx.get('pointer'))
      if (runs === 1)
        await view.transaction(async (other) => {
          other.put('pointer', 'y')
          other.put('y', 2)
          other.del('x')
        })
      const value = await tx.get(name)
      if (value === undefined) throw new Error('the pointer leads nowhere')
      return value
    })
    expect([found, runs]).to.deep.equal([2, 2])
  })

  it('counts the records below a folder at any depth, over more than one page', async () => {
    const view = (await openBarrier()).barrier.view('a/')
    for (const name of ['b/1', 'b/2', 'b/c/d/3', 'bb/4', '5']) await view.put(name, 1)
    expect([await view.count('b/'), await view.count('none/'), await view.count('')]).to.deep.equal([3, 0, 5])
    for (let at = 0; at < 1001; at++) await view.put(`many/${at}`, at)
    expect(await view.count('many/')).to.equal(1001)
    await view.del('many/7')
    expect(await view.count('many/')).to.equal(1000)
  })

  it('a transaction that fails for another reason fails, with its own error', async () => {
    const view = (await openBarrier()).barrier.view('a/')
    await view.put('x', 1)
    let runs = 0
    const done = view.transaction(async (tx) => {
      runs++
      await tx.get('x')
      await view.put('z', runs)
      throw new Error('no')
    })
    expect(await done.catch((thrown: unknown) => (thrown as Error).message)).to.equal('no')
    expect(runs).to.equal(1)
  })
})
