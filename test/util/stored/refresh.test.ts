import { expect } from 'chai'
import { Refresh } from '../../../src/util/stored/refresh.ts'

describe('a refresh', () => {
  it('reads changes, one run at a time, and all changes during a run in the next', async () => {
    const runs: (readonly string[] | undefined)[] = []
    let release = (): void => {}
    const refresh = new Refresh(async (names) => {
      runs.push(names)
      await new Promise<void>((resolve) => (release = resolve))
    })
    const first = refresh.changed(['a'])
    const others = [refresh.changed(['b']), refresh.changed(['b', 'c'])]
    expect(runs).to.deep.equal([['a']])
    expect(refresh.isStale).to.equal(true)
    release()
    await new Promise(setImmediate)
    expect(runs).to.deep.equal([['a'], ['b', 'c']])
    release()
    await Promise.all([first, ...others])
    expect(refresh.isStale).to.equal(false)
  })

  it('stays stale when reading fails, and reads the same again', async () => {
    const runs: (readonly string[] | undefined)[] = []
    let works = false
    const refresh = new Refresh(async (names) => {
      runs.push(names)
      if (!works) throw new Error('not now')
    })
    const failed = async (done: Promise<void>): Promise<unknown> => done.then(undefined, (thrown: unknown) => thrown)
    expect(await failed(refresh.changed(['a']))).to.be.instanceOf(Error)
    expect(await failed(refresh.settle())).to.be.instanceOf(Error)
    expect(refresh.isStale).to.equal(true)
    works = true
    await refresh.changed(['b'])
    expect(runs).to.deep.equal([['a'], ['a'], ['a', 'b']])
    expect(refresh.isStale).to.equal(false)
  })

  it('reads everything when anything may have changed', async () => {
    const runs: (readonly string[] | undefined)[] = []
    const refresh = new Refresh(async (names) => void runs.push(names))
    await Promise.all([refresh.changed(undefined), refresh.changed(['a']), refresh.changed(undefined)])
    expect(runs).to.deep.equal([undefined, undefined])
  })
})
