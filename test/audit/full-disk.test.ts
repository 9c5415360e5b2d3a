import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { tickEvery } from '../../src/audit/broker.ts'
import { verifyAuditFiles } from './verdict.ts'
import type { AuditDevice, AuditFile } from '../../src/contract/audit.ts'
import type { Fault } from '../../src/contract/fault.ts'
import { temporaryFolder } from '../support/folder.ts'
import { brokerWith, event, file, linesOf, round } from './support.ts'
import { leaveOut } from '../support/leave-out.ts'

const failure = async (work: Promise<unknown> | undefined): Promise<Fault | undefined> =>
  Promise.resolve(work).then(() => undefined, (thrown: Fault) => thrown) // prettier-ignore

describe('a full disk of the audit log', () => {
  let folder: string

  beforeEach(function () {
    folder = join(temporaryFolder(), 'small')
    mkdirSync(folder)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' })
    } catch {
      // Only root may mount; the same ways are tried with a device that only says so.
      leaveOut(this, 'only root may mount a small file system')
    }
  })
  afterEach(() => execFileSync('umount', ['-l', folder], { stdio: 'ignore' }))

  it('refuses requests with a clear message, completes those in progress, and continues when there is space', async () => {
    const path = join(folder, 'audit.log')
    const { broker, clock, said } = brokerWith()
    await broker.configure([file(path)])
    await round(broker, event({ pure: false }))
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(1024 * 1024))
    const big = { data: { text: 'x'.repeat(60_000) } }
    const raw = event({ ask: { data: Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`n${at}`, at])) }, pure: false }) // prettier-ignore
    // Requests whose first line is written, and whose answers come when the disk is full.
    const underWay = Array.from({ length: 20 }, () => event({ pure: false }))
    for (const one of underWay) await broker.request(one)
    let refusal: Fault | undefined
    let taken = 0
    while (refusal === undefined && taken < 5000) {
      refusal = await failure(round(broker, raw, { data: big.data }))
      if (!refusal) taken++
    }
    expect(refusal?.code).to.equal('unavailable')
    expect(refusal?.message).to.include('disk of the audit log is full')
    for (const one of underWay) expect(await failure(broker.response(one, {}))).to.equal(undefined)
    expect(await failure(broker.request(event({ pure: false })))).to.have.property('code', 'unavailable')
    expect(said.filter(({ message }) => message.includes('is full'))).to.have.length(1)
    expect(broker.measure()[0]).to.include({ full: 1 })

    rmSync(join(folder, 'ballast'))
    clock.advance(tickEvery)
    await round(broker, event({ pure: false }))
    expect(broker.measure()[0]).to.include({ full: 0, lost: 0 })
    await broker.shutdown()
    expect(await verifyAuditFiles([path])).to.include({ ok: true })
    const told = linesOf(path).filter(({ request }) => request.path === 'sys/audit/space')
    expect(told.map(({ request }) => request.data?.['full'])).to.deep.equal([true, false])
  }).timeout(60_000)
})

/** A device with a file that is in memory, and as full as the test says. */
class Stub implements AuditDevice {
  readonly type = 'stub'
  readonly target = undefined
  readonly alwaysSync = false
  text = ''
  full = false
  syncFails = false
  readonly file: AuditFile

  constructor() {
    const full = () => this.full
    this.file = {
      path: '/nowhere/audit.log',
      settings: { rotateBytes: undefined, rotateAge: undefined, compress: false, retainFiles: undefined, retainAge: undefined, mlDsa: false }, // prettier-ignore
      state: () => 'same',
      begin: () => {},
      space: () => ({ free: 1, total: 1000 }),
      get full() {
        return full()
      },
      recover: () => !this.full,
    }
  }

  async open() {
    return {}
  }
  write(text: string): void {
    this.text += text
  }
  async sync() {
    if (this.syncFails) throw Object.assign(new Error('input/output error'), { code: 'EIO' })
  }
  async reopen() {}
  async close() {}
}

describe('a device whose disk is full', () => {
  const withStub = async () => {
    const stub = new Stub()
    const parts = brokerWith({ stub: () => stub })
    await parts.broker.configure([{ path: 'stub/', type: 'stub', description: '', local: false, options: {} }])
    await round(parts.broker, event())
    return { ...parts, stub }
  }

  it('gets no new requests, but the responses of those in progress', async () => {
    const { broker, clock, stub, said } = await withStub()
    const underWay = event({ pure: false })
    await broker.request(underWay)
    stub.full = true
    const late = event({ pure: false })
    expect(await failure(broker.request(late))).to.have.property('code', 'unavailable')
    expect(await failure(broker.response(late, {}))).to.have.property('code', 'unavailable')
    expect(await failure(broker.response(underWay, {}))).to.equal(undefined)
    expect(stub.text.split(late.request.id)).to.have.length(1)
    stub.full = false
    clock.advance(tickEvery)
    await round(broker, event())
    expect(stub.text).to.include('"path":"sys/audit/gap","data":{"lost":2}')
    expect(said.some(({ level, message }) => level === 'error' && message.includes('almost full'))).to.equal(true)
  })

  it('EIO: a failed sync fails the change, and nothing counts as being on disk', async () => {
    const { broker, stub } = await withStub()
    stub.syncFails = true
    const asked = event({ pure: false })
    await broker.request(asked)
    expect(await failure(broker.response(asked, {}))).to.have.property('code', 'internal')
    expect(broker.logAt('stub/').state?.head().synced.size).to.equal(0)
  })
})
