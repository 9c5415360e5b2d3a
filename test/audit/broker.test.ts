import { expect } from 'chai'
import { readFileSync } from 'node:fs'
import { deviceLimit } from '../../src/audit/write-queue.ts'
import { verifyAuditFiles } from './verdict.ts'
import type { AuditDevice } from '../../src/contract/audit.ts'
import type { Fault } from '../../src/contract/fault.ts'
import { brokerWith, event, file, freshView, linesOf, round, scratch } from './support.ts'

/** A device whose failures the test decides. */
class Odd implements AuditDevice {
  readonly type = 'odd'
  readonly target = undefined
  readonly alwaysSync = false
  mode: 'works' | 'fails' | 'hangs' | 'sync fails' = 'works'
  text = ''
  writes = 0
  syncs = 0
  release: (() => void)[] = []

  async open() {
    return {}
  }

  write(text: string): void | Promise<void> {
    this.writes++
    if (this.mode === 'fails') throw new Error('disk full')
    if (this.mode === 'hangs')
      return new Promise((resolve) => void this.release.push(() => ((this.text += text), resolve())))
    this.text += text
  }

  async sync() {
    this.syncs++
    if (this.mode === 'sync fails') throw new Error('input/output error')
  }

  async reopen() {}
  async close() {}
}

const spec = (path: string, type = 'odd') => ({ path, type, description: '', local: false, options: {} })
const failure = async (work: Promise<unknown> | undefined): Promise<Fault | undefined> => {
  try {
    await work
    return undefined
  } catch (thrown) {
    return thrown as Fault
  }
}
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

describe('the audit broker', () => {
  const at = scratch()
  const withOdd = async (...paths: string[]) => {
    const devices: Odd[] = []
    const make = () => (devices.push(new Odd()), devices.at(-1) as Odd)
    const parts = brokerWith({ odd: make })
    await parts.broker.configure(paths.map((path) => spec(path)))
    return { ...parts, devices, odd: devices[0] as Odd }
  }

  it('needs no line when there is no device', () => {
    const { broker } = brokerWith()
    expect(broker.request(event())).to.equal(undefined)
    expect(broker.response(event(), {})).to.equal(undefined)
  })

  it('writes all lines of one turn together, in order, and releases all waiting requests together', async () => {
    const { broker, odd } = await withOdd('a/')
    const events = Array.from({ length: 50 }, () => event({ pure: false }))
    await Promise.all(events.map(async (one) => broker.request(one)))
    expect(odd.writes).to.equal(1)
    expect(odd.text.match(/"id":"0000[^"]+"/g)).to.deep.equal(events.map(({ request }) => `"id":"${request.id}"`))
  })

  it('lets a pure request continue at once, and writes its line with the response', async () => {
    const { broker, odd } = await withOdd('a/')
    const asked = event()
    expect(broker.request(asked)).to.equal(undefined)
    await broker.response(asked, {})
    expect([odd.writes, odd.text.split('\n').length - 1, odd.syncs]).to.deep.equal([1, 2, 0])
  })

  it('has the line of a change on disk before the response, and that of a read a moment later', async () => {
    const { broker, odd, clock } = await withOdd('a/')
    const asked = event({ pure: false })
    await broker.request(asked)
    expect(odd.syncs).to.equal(0)
    await broker.response(asked, {})
    expect(odd.syncs).to.equal(1)
    clock.advance(100)
    const before = odd.syncs
    await round(broker, event())
    expect(odd.syncs).to.equal(before)
    clock.advance(100)
    expect(odd.syncs).to.equal(before + 1)
  })

  it('fails closed when no device accepts the line, and logs that once', async () => {
    const { broker, odd, said } = await withOdd('a/')
    odd.mode = 'fails'
    expect(await failure(broker.request(event({ pure: false })))).to.have.property('code', 'internal')
    expect(await failure(round(broker, event()))).to.have.property('code', 'internal')
    expect(await failure(round(broker, event({ pure: false })))).to.have.property('code', 'internal')
    expect(said.filter(({ level }) => level === 'error')).to.have.length(1)
  })

  it('fails a change whose line could not be synced', async () => {
    const { broker, odd } = await withOdd('a/')
    odd.mode = 'sync fails'
    const asked = event({ pure: false })
    await broker.request(asked)
    expect(await failure(broker.response(asked, {}))).to.have.property('code', 'internal')
  })

  it('fails a read whose request line was lost, even when the device is back for its response', async () => {
    const { broker, odd } = await withOdd('a/')
    const asked = event()
    odd.mode = 'fails'
    await broker.request(asked)
    await turn()
    odd.mode = 'works'
    expect(await failure(broker.response(asked, {}))).to.have.property('code', 'internal')
  })

  it('records how many lines a device has missed', async () => {
    const { broker, odd } = await withOdd('a/')
    await round(broker, event())
    odd.mode = 'fails'
    await failure(round(broker, event()))
    await failure(round(broker, event()))
    odd.mode = 'works'
    await round(broker, event())
    const gap = JSON.parse(odd.text.split('\n')[2] as string)
    expect(gap.request).to.deep.include({ path: 'sys/audit/gap', data: { lost: 4 } })
    const links = odd.text.split('\n').slice(0, -1).map((line) => JSON.parse(line).chain.seq) // prettier-ignore
    expect(links).to.deep.equal([1, 2, 3, 4, 5])
  })

  it('audit fail modes: continues with one healthy device while another fails or hangs', async () => {
    for (const mode of ['fails', 'hangs'] as const) {
      const { broker, devices } = await withOdd('a/', 'b/')
      ;(devices[0] as Odd).mode = mode
      await round(broker, event({ pure: false }))
      await round(broker, event())
      expect((devices[1] as Odd).text.split('\n')).to.have.length(5)
    }
  })

  it('stops waiting for a device that hangs, and uses it again when the write ends', async () => {
    const { broker, odd, clock } = await withOdd('a/')
    odd.mode = 'hangs'
    const waiting = failure(broker.request(event({ pure: false })))
    await turn()
    clock.advance(deviceLimit)
    expect(await waiting).to.have.property('code', 'internal')
    expect(await failure(broker.request(event({ pure: false })))).to.have.property('code', 'internal')
    odd.mode = 'works'
    odd.release[0]?.()
    await turn()
    await round(broker, event())
    const seen = odd.text.split('\n').slice(0, -1).map((line) => JSON.parse(line)) // prettier-ignore
    expect(seen.map(({ chain }) => chain.seq)).to.deep.equal([1, 2, 3, 4])
    expect(seen[1].request.data).to.deep.equal({ lost: 1 })
  })

  it('keeps devices, salts and headers across seal and unseal', async () => {
    const view = await freshView()
    const { broker } = brokerWith()
    await broker.open(view)
    await broker.enable(file(at('kept.log'), { hmac_accessor: '0' }, 'kept/'))
    await broker.setHeader('x-b', true)
    await broker.setHeader('x-a', false)
    const [hash, devices] = [broker.hash('kept/', 'x'), broker.devices()]
    await broker.close()
    expect(broker.devices()).to.deep.equal([])
    await broker.open(view)
    expect([broker.hash('kept/', 'x'), broker.devices()]).to.deep.equal([hash, devices])
    expect([...broker.headers()]).to.deep.equal([['x-a', false], ['x-b', true]]) // prettier-ignore
    await broker.shutdown()
  })

  it('writes a first line when a device is enabled', async () => {
    const { broker } = brokerWith()
    await broker.open(await freshView())
    await broker.enable(file(at('probe.log')))
    await broker.enable(file(at('no-probe.log'), { skip_test: 'true' }, 'quiet/'))
    expect(linesOf(at('probe.log')).map(({ request }) => request.path)).to.deep.equal(['sys/audit/test'])
    expect(readFileSync(at('no-probe.log'), 'utf8')).to.equal('')
  })

  it('keeps the old salt, and makes a new one when a device is enabled again', async () => {
    const view = await freshView()
    const { broker } = brokerWith()
    await broker.open(view)
    await broker.enable(file(at('anew.log')))
    const hash = broker.hash('file/', 'x')
    await broker.disable('file/')
    await broker.disable('file/')
    expect(() => broker.hash('file/', 'x')).to.throw('unknown audit backend "file/"')
    await broker.enable(file(at('anew.log')))
    expect(broker.hash('file/', 'x')).to.not.equal(hash)
    expect(await view.list('old-salt/')).to.have.length(1)
    await broker.shutdown()
    expect(await verifyAuditFiles([at('anew.log')])).to.deep.equal({ ok: true, lines: 3 })
  })

  it('refuses invalid requests, and changes nothing then', async () => {
    const { broker } = brokerWith()
    await broker.configure([file(at('config.log'), {}, 'config/')])
    await broker.open(await freshView())
    await broker.enable(file(at('one.log'), {}, 'one/two/'))
    const refusals = [
      [file(at('x.log'), {}, 'one/two/'), 'path already in use'],
      [file(at('x.log'), {}, 'one/'), 'path already in use'],
      [file(at('x.log'), {}, 'one/two/three/'), 'path already in use'],
      [file(at('x.log'), {}, 'config/'), 'path already in use'],
      [file(at('one.log'), {}, 'x/'), 'writes to that target already'],
      [spec('x/', 'nonsense'), 'unknown backend type: "nonsense"'],
      [spec('x/', 'constructor'), 'unknown backend type: "constructor"'],
      [spec('x/', 'file'), 'file_path is required'],
      [file(at('x.log'), { format: 'xml' }, 'x/'), 'unknown format type "xml"'],
      [file(at('x.log'), { log_raw: 'maybe' }, 'x/'), 'log_raw'],
      [file(at('x.log'), { prefix: '#!/bin/sh' }, 'x/'), 'prefix'],
      [file(at('x.log'), { strange: '1' }, 'x/'), 'not known'],
    ] as const
    for (const [asked, text] of refusals) {
      const fault = await failure(broker.enable(asked))
      expect(fault?.code, text).to.equal('invalid_request')
      expect(fault?.message).to.include(text)
    }
    expect((await failure(broker.disable('config/')))?.message).to.include('configuration file')
    expect(broker.devices().map(({ path }) => path)).to.deep.equal(['config/', 'one/two/'])
    await broker.shutdown()
  })

  it('lets only one of many enable the same path at once', async () => {
    const { broker } = brokerWith()
    await broker.open(await freshView())
    const results = await Promise.all([1, 2, 3, 4].map(async (n) => failure(broker.enable(file(at(`race-${n}.log`))))))
    expect(results.filter((fault) => fault === undefined)).to.have.length(1)
    await broker.shutdown()
  })

  it('uses a stored device again that could not be opened at unseal', async () => {
    const view = await freshView()
    const first = brokerWith()
    await first.broker.open(view)
    await first.broker.enable(file(at('later.log')))
    await first.broker.shutdown()
    const odd = new Odd()
    let broken = true
    odd.open = async () => {
      if (broken) throw new Error('not mounted yet')
      return {}
    }
    const { broker, said } = brokerWith({ file: (options) => (options.text('file_path'), odd) })
    await broker.open(view)
    expect(said.map(({ level }) => level)).to.deep.equal(['error'])
    expect(await failure(round(broker, event()))).to.have.property('code', 'internal')
    broken = false
    await round(broker, event())
    expect(odd.text.split('\n')).to.have.length(4)
  })

  it('accepts 10,000 lines from 32 callers', async () => {
    const { broker } = brokerWith()
    await broker.configure([file(at('many.log'))])
    await broker.open(await freshView())
    const began = performance.now()
    const caller = async (): Promise<void> => {
      for (let i = 0; i < 157; i++)
        await round(broker, event({ ask: { data: { plaintext: `text ${i}` } } }), {
          data: { ciphertext: `vault:v1:${i}` },
        })
    }
    await Promise.all(Array.from({ length: 32 }, caller))
    const seconds = (performance.now() - began) / 1000
    await broker.shutdown()
    const verdict = await verifyAuditFiles([at('many.log')])
    console.log(`      ${verdict.lines} lines, ${Math.round(verdict.lines / seconds)} a second`)
    expect(verdict).to.deep.equal({ ok: true, lines: 2 + 32 * 157 * 2 })
  })
})
