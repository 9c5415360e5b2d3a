import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { expect } from 'chai'
import { Fault } from '../../../src/contract/fault.ts'
import { heavy, slow } from '../../../src/crypto/workers/heavy.ts'
import { Workers } from '../../../src/crypto/workers/pool.ts'

/** Jobs that show what a pool does; `hold` waits until the test lets it go. */
const program = `
const { parentPort, threadId } = require('node:worker_threads')
const jobs = {
  echo: (input) => input,
  size: (input) => input.part.buffer.byteLength,
  hold: (gate) => Atomics.wait(gate, 0, 0),
  die: () => process.exit(1),
  thread: () => threadId,
}
parentPort.on('message', ({ job, input }) => parentPort.postMessage({ value: jobs[job](input) }))
`
type TestJobs = {
  readonly echo: (input: unknown) => unknown
  readonly size: (input: { readonly part: Uint8Array }) => number
  readonly hold: (gate: Int32Array) => string
  readonly die: (input: null) => void
  readonly thread: (input: null) => number
}

const usual = { threads: 1, inHand: 1, waiting: 2, waitingBytes: 1000, retryAfter: 7 }
const refusal = async (promise: Promise<unknown>): Promise<Fault> => {
  const thrown = await promise.then(
    () => undefined,
    (fault: unknown) => fault,
  )
  expect(thrown).to.be.instanceOf(Fault)
  return thrown as Fault
}

describe('worker threads', () => {
  let pool: Workers<TestJobs>
  const started: Worker[] = []
  function opened(options: Partial<typeof usual> = {}): Workers<TestJobs> {
    const spawn = () => {
      const worker = new Worker(program, { eval: true })
      started.push(worker)
      return worker
    }
    pool = new Workers<TestJobs>({ spawn, ...usual, ...options })
    return pool
  }
  /** A job that lasts until it is let go. */
  function held(): { readonly job: Promise<unknown>; readonly release: () => void } {
    const gate = new Int32Array(new SharedArrayBuffer(4))
    const release = () => {
      Atomics.store(gate, 0, 1)
      Atomics.notify(gate, 0)
    }
    return { job: pool.run('hold', gate), release }
  }
  afterEach(async () => {
    await pool.end()
    started.length = 0
  })

  it('run so many, let so many wait, in order, and turn the others away before they have begun', async () => {
    opened()
    const first = held()
    const done: unknown[] = []
    const waiting = [1, 2].map(async (number) => done.push(await pool.run('echo', number)))
    const fault = await refusal(pool.run('echo', 3))
    expect([fault.code, fault.details.headers?.['Retry-After']]).to.deep.equal(['unavailable', '7'])
    first.release()
    await Promise.all([first.job, ...waiting])
    expect(done).to.deep.equal([1, 2])
    expect(await pool.run('echo', 4)).to.equal(4)
  })

  it('let inputs of so many bytes wait, and one of any size', async () => {
    opened({ waiting: 100 })
    const first = held()
    const large = pool.run('echo', { part: new Uint8Array(2000) })
    expect((await refusal(pool.run('echo', new Uint8Array(1)))).code).to.equal('unavailable')
    first.release()
    await large
    const second = held()
    const two = [pool.run('size', { part: new Uint8Array(500) }), pool.run('size', { part: new Uint8Array(500) })]
    expect((await refusal(pool.run('echo', new Uint8Array(1)))).code).to.equal('unavailable')
    second.release()
    expect(await Promise.all(two)).to.deep.equal([500, 500])
  })

  it('are started when they are needed, and take the next job while they work', async () => {
    opened({ threads: 2, inHand: 2 })
    expect(started).to.have.length(0)
    const [first, second] = [held(), held()]
    expect(started).to.have.length(2)
    const more = [pool.run('thread', null), pool.run('thread', null)]
    first.release()
    second.release()
    expect(new Set(await Promise.all(more)).size).to.equal(2)
  })

  it('fail the jobs of a thread that dies, clearly, and are replaced', async () => {
    opened({ inHand: 2, waiting: 10 })
    const dying = [pool.run('die', null), pool.run('echo', 1)]
    const waiting = pool.run('echo', 2)
    for (const job of dying) expect((await refusal(job)).code).to.equal('internal')
    expect(await waiting, 'what had not been begun is done by another').to.equal(2)
    expect(started).to.have.length(2)
  })

  it('end: running jobs are completed, waiting ones refused, and a later job starts them again', async () => {
    opened()
    const first = held()
    const waiting = refusal(pool.run('echo', 1))
    const ended = pool.end()
    expect((await waiting).message).to.contain('stopping')
    first.release()
    await first.job
    await ended
    expect(started.map(({ threadId }) => threadId)).to.deep.equal([-1])
    expect(await pool.run('echo', 2)).to.equal(2)
  })

  it('get bytes of their own, without the bytes beside them in memory', async () => {
    opened()
    const part = Buffer.from('c2VjcmV0IQ==', 'base64')
    expect(part.buffer.byteLength).to.be.greaterThan(7)
    expect(await pool.run('size', { part })).to.equal(7)
    expect(part.toString(), 'the sender keeps its own').to.equal('secret!')
  })

  it('refuse a job that cannot be sent, and continue', async () => {
    opened()
    expect(
      await pool
        .run('echo', () => 1)
        .then(
          () => 'sent',
          () => 'refused',
        ),
    ).to.equal('refused')
    expect(await pool.run('echo', 5)).to.equal(5)
  })

  it('take keys as objects', async () => {
    opened()
    const { privateKey } = generateKeyPairSync('ed25519')
    const [pair, secret] = (await Promise.all([
      pool.run('echo', privateKey),
      pool.run('echo', createSecretKey(Buffer.alloc(32, 1))),
    ])) as [KeyObject, KeyObject]
    expect([pair.equals(privateKey), secret.export().equals(Buffer.alloc(32, 1))]).to.deep.equal([true, true])
  })

  it('of the product find their program', async () => {
    expect((await slow.run('generateRsa', 2048)).asymmetricKeyDetails?.modulusLength).to.equal(2048)
    await Promise.all([slow.end(), heavy.end()])
  })
})
