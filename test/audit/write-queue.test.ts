import { expect } from 'chai'
import * as fc from 'fast-check'
import { WriteQueue, deviceLimit } from '../../src/audit/write-queue.ts'
import type { WriteTarget } from '../../src/audit/write-queue.ts'
import { HandClock } from '../support/clock.ts'

/** A device whose writes end when the test says so. */
class Target implements WriteTarget {
  readonly limit = deviceLimit
  readonly alwaysSync = false
  readonly writes: { readonly lines: readonly string[]; readonly lost: number }[] = []
  readonly open: { readonly succeed: () => void; readonly fail: () => void }[] = []
  aborted = 0
  failures = 0
  syncs = 0

  write(lines: readonly string[], lost: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const succeed = (): void => {
        this.writes.push({ lines, lost })
        resolve()
      }
      this.open.push({ succeed, fail: () => reject(new Error('no room')) })
    })
  }

  async sync(): Promise<void> {
    this.syncs++
  }

  abort(): void {
    this.aborted++
  }

  failed(): void {
    this.failures++
  }
}

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** The outcome of a promise, so far as it is known. */
const watched = (promise: Promise<void>): { is: 'waiting' | 'written' | 'lost' } => {
  const outcome: { is: 'waiting' | 'written' | 'lost' } = { is: 'waiting' }
  promise.then(
    () => (outcome.is = 'written'),
    () => (outcome.is = 'lost'),
  )
  return outcome
}

describe('a queue of audit lines', () => {
  it('writes lines that arrived during a write together, and syncs only if somebody waits for the disk', async () => {
    const target = new Target()
    const queue = new WriteQueue(target, new HandClock())
    const first = watched(queue.push('1', false))
    queue.flush()
    const rest = [watched(queue.push('2', false)), watched(queue.push('3', true)), watched(queue.push('4', false))]
    queue.flush()
    target.open[0]?.succeed()
    await turn()
    expect([first.is, ...rest.map(({ is }) => is)]).to.deep.equal(['written', 'waiting', 'waiting', 'waiting'])
    expect(target.syncs).to.equal(0)
    target.open[1]?.succeed()
    await turn()
    expect(target.writes.map(({ lines }) => lines)).to.deep.equal([['1'], ['2', '3', '4']])
    expect(rest.map(({ is }) => is)).to.deep.equal(['written', 'written', 'written'])
    expect(target.syncs).to.equal(1)
  })

  it('accepts no line while a write hangs, and counts the refused lines', async () => {
    const target = new Target()
    const clock = new HandClock()
    const queue = new WriteQueue(target, clock)
    const under = watched(queue.push('1', false))
    queue.flush()
    const behind = watched(queue.push('2', false))
    clock.advance(deviceLimit)
    const late = watched(queue.push('3', true))
    await turn()
    expect([under.is, behind.is, late.is, target.aborted]).to.deep.equal(['lost', 'lost', 'lost', 1])
    target.open[0]?.fail()
    await turn()
    expect(queue.lost).to.equal(3)
    const after = watched(queue.push('4', false))
    queue.flush()
    target.open[1]?.succeed()
    await turn()
    expect([after.is, queue.lost]).to.deep.equal(['written', 0])
    expect(target.writes).to.deep.equal([{ lines: ['4'], lost: 3 }])
  })

  it('writes each line once and in order, or says that it is lost, whatever the device does', async () => {
    const step = fc.oneof(
      fc.record({ push: fc.boolean() }),
      fc.constantFrom('flush' as const, 'succeed' as const, 'fail' as const, 'time out' as const),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const target = new Target()
        const clock = new HandClock()
        const queue = new WriteQueue(target, clock)
        const outcomes: { is: string }[] = []
        for (const next of steps) {
          if (typeof next === 'object') outcomes.push(watched(queue.push(String(outcomes.length), next.push)))
          else if (next === 'flush') queue.flush()
          else if (next === 'time out') clock.advance(deviceLimit)
          else target.open.shift()?.[next]()
          await turn()
        }
        const drained = watched(queue.drain())
        while (drained.is === 'waiting') {
          target.open.shift()?.succeed()
          await turn()
        }
        const written = target.writes.flatMap(({ lines }) => lines.map(Number))
        expect(written).to.deep.equal([...new Set(written)].sort((a, b) => a - b))
        const acknowledged = outcomes.flatMap(({ is }, at) => (is === 'written' ? [at] : []))
        expect(written).to.include.members(acknowledged)
        expect(outcomes.every(({ is }) => is !== 'waiting')).to.equal(true)
        const lost = target.writes.reduce((sum, write) => sum + write.lost, queue.lost)
        expect(written.length + lost).to.equal(outcomes.length)
      }),
    )
  })
})
