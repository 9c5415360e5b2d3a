import { expect } from 'chai'
import { openBarrier } from '../support/barrier.ts'
import { FailingStorage } from '../support/storages/failing-storage.ts'

describe('watching records', () => {
  it('reports changed records below a folder by their names, before the change is answered', async () => {
    const { barrier } = await openBarrier()
    const seen: unknown[] = []
    const view = barrier.view('core/')
    const closer = view.watch('policy/', (names) => void seen.push(names))
    view.under('policy/').watch('', (names) => void seen.push(names))
    await view.put('policy/a', 1)
    expect(seen).to.deep.equal([['a'], ['a']])
    await view.put('policy/b/c', 1)
    await view.put('policies/x', 1)
    await barrier.view('').put('core/policy/d', 1)
    closer.close()
    await view.transaction(async (tx) => {
      tx.put('policy/é 1', 1)
      tx.del('policy/a')
    })
    await view.clear('policy/b/')
    expect(seen.slice(2)).to.deep.equal([['b/c'], ['b/c'], ['d'], ['d'], ['é 1', 'a'], ['b/c']])
  })

  it('reports a change that others read already', async () => {
    const { barrier } = await openBarrier()
    const view = barrier.view('')
    await view.put('a', 1)
    expect(await view.get('a')).to.equal(1)
    let read: unknown
    view.watch('', async () => {
      read = await view.get('a')
    })
    await view.put('a', 2)
    expect(read).to.equal(2)
  })

  it('reports a change of unknown outcome', async () => {
    const storage = new FailingStorage()
    const { barrier } = await openBarrier(storage)
    const view = barrier.view('')
    const seen: unknown[] = []
    view.watch('', (names) => void seen.push(names))
    storage.plan = ['lost', 'done']
    for (const name of ['a', 'b']) await view.put(name, 1).catch(() => {})
    expect(seen.flat()).to.include.members(['a', 'b'])
    expect(await view.get('b')).to.equal(1)
  })

  it('reports that anything may have changed when it cannot tell the names', async () => {
    const { barrier, storage } = await openBarrier()
    const seen: unknown[] = []
    await barrier.view('').put('a', 1)
    barrier.view('').watch('', (names) => void seen.push(names))
    await storage.commit({ ops: [{ put: `e/${'A'.repeat(32)}`, value: new Uint8Array(1) }] })
    expect(seen).to.deep.equal([undefined])
  })

  it('ends at seal', async () => {
    const { barrier, root } = await openBarrier()
    const seen: unknown[] = []
    barrier.view('').watch('', (names) => void seen.push(names))
    barrier.seal()
    await barrier.unseal(root)
    await barrier.view('').put('a', 1)
    expect(seen).to.deep.equal([])
    barrier.seal()
    expect(() => barrier.view('').watch('', () => {})).to.throw('sealed')
  })
})
