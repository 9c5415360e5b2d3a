import { expect } from 'chai'
import { BodyMemory } from '../../../src/protocols/http/body-memory.ts'
import type { MemoryHolder } from '../../../src/protocols/http/body-memory.ts'

/** A request that notes what it is told. */
class Noted implements MemoryHolder {
  readonly events: string[] = []
  readonly #memory: BodyMemory
  refused: () => void = () => {}

  constructor(memory: BodyMemory) {
    this.#memory = memory
  }

  pause(): void {
    this.events.push('pause')
  }

  resume(): void {
    this.events.push('resume')
  }

  refuse(): void {
    this.events.push('refuse')
    this.#memory.leave(this)
    this.refused()
  }
}

describe('the memory of bodies and responses', () => {
  let memory: BodyMemory
  const opened = (patience = 60_000): void => {
    memory = new BodyMemory({ most: 100, mostWithWaiting: 300, small: 10, roundMs: patience })
  }
  const requests = (count: number): Noted[] => Array.from({ length: count }, () => new Noted(memory))
  const all: Noted[] = []
  const take = (request: Noted, bytes: number): void => {
    all.push(request)
    memory.take(request, bytes)
  }
  afterEach(() => all.splice(0).forEach((request) => memory.leave(request)))

  it('holds a large body until its response has left: the next one waits for that', () => {
    opened()
    const [first, second] = requests(2) as [Noted, Noted]
    take(first, 90)
    expect(memory.work(first)).to.equal(true)
    take(second, 20)
    memory.respond(first, 90)
    expect(second.events, 'the response is in memory').to.deep.equal(['pause'])
    memory.leave(first)
    expect(second.events).to.deep.equal(['pause', 'resume'])
  })

  it('counts the response in place of the body', () => {
    opened()
    const [first, second] = requests(2) as [Noted, Noted]
    take(first, 90)
    memory.work(first)
    take(second, 20)
    memory.respond(first, 1)
    expect(second.events).to.deep.equal(['pause', 'resume'])
  })

  it('does not count complete small bodies, and never makes one wait', () => {
    opened()
    const [large, small] = requests(2) as [Noted, Noted]
    take(large, 200)
    take(small, 10)
    expect(memory.work(small)).to.equal(false)
    expect([...large.events, ...small.events]).to.deep.equal([])
  })

  it('refuses new bodies when too much waits, also a small one', () => {
    opened()
    const [first, second, third, small] = requests(4) as [Noted, Noted, Noted, Noted]
    take(first, 100)
    take(second, 100)
    take(third, 100)
    take(small, 1)
    expect([first, second, third, small].map(({ events }) => events.join())).to.deep.equal(['', 'pause', 'pause', 'refuse']) // prettier-ignore
  })

  it('is never held by a slow client for longer than others can be asked to wait; work of the server is waited for', async () => {
    opened(1)
    const [reading, working, waiting] = requests(3) as [Noted, Noted, Noted]
    take(working, 60)
    memory.work(working)
    take(reading, 40)
    const refused = new Promise<void>((resolve) => (reading.refused = resolve))
    take(waiting, 20)
    await refused
    expect([working.events, waiting.events]).to.deep.equal([[], ['pause', 'resume']])
    const late = requests(1)[0] as Noted
    take(late, 50)
    const cut = new Promise<void>((resolve) => (working.refused = resolve))
    memory.respond(working, 60)
    await cut
    expect(late.events, 'a response that begins while others wait has its time, too').to.include('resume')
  })
})
