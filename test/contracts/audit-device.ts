import { expect } from 'chai'
import { AuditBroker } from '../../src/audit/broker.ts'
import type { DeviceMaker } from '../../src/audit/device-set.ts'
import { fileDevice } from '../../src/audit/devices/file.ts'
import { DeviceOptions } from '../../src/audit/devices/options.ts'
import type { AuditDevice } from '../../src/contract/audit.ts'
import { Fault } from '../../src/contract/fault.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { silent } from '../../src/util/log.ts'
import { event, file, linesOf, round, scratch } from '../audit/support.ts'
import { HandClock } from '../support/clock.ts'

/** The other end of a device. */
export interface Receiver {
  /** Of a device that leads to it. */
  readonly options: Readonly<Record<string, string>>
  /** Resolves with everything that arrived, without line feeds, when there are so many lines. */
  lines(count: number): Promise<readonly string[]>
  /** Is away, so that writes fail. */
  leave(): Promise<void>
  /** Is back at the same place. */
  comeBack(): Promise<void>
  /** Takes nothing more, without closing: writes hang. Absent where that cannot happen. */
  hang?(): Promise<void>
  close(): Promise<void>
}

/** What differs from device to device. */
export interface Traits {
  /** The longest line that it takes, in letters. */
  readonly longest: number
  /** It cannot know that its receiver is away. */
  readonly deaf?: true
}

/** What every audit device does, whatever it writes to. */
export function itIsAnAuditDevice(
  name: string,
  make: DeviceMaker,
  receive: () => Promise<Receiver>,
  { longest, deaf }: Traits,
): void {
  describe(`the contract of audit devices: ${name}`, () => {
    const at = scratch()
    let receiver: Receiver
    let device: AuditDevice
    const made = (options: Readonly<Record<string, string>>) => make(new DeviceOptions(options, true), silent)

    beforeEach(async () => {
      receiver = await receive()
      device = made(receiver.options)
      await device.open()
    })
    afterEach(async () => {
      await device.close()
      await receiver.close()
    })

    it('brings whole lines, in their order, each once', async () => {
      const lines = Array.from(
        { length: 60 },
        (_, index) => `{"at":${index},"text":"ü\u2028 ${'x'.repeat(index * 7)}"}`,
      )
      for (let first = 0; first < 60; first += 5) {
        const part = lines.slice(first, first + 5)
        await device.write(part.map((line) => `${line}\n`).join(''))
      }
      await device.sync()
      expect(await receiver.lines(60)).to.deep.equal(lines)
    })

    it('brings a long line whole', async () => {
      const line = `{"text":"${'y'.repeat(longest - 11)}"}`
      await device.write(`${line}\n`)
      expect(await receiver.lines(1)).to.deep.equal([line])
    })

    it('continues after it was opened again', async () => {
      await device.write('{"one":1}\n')
      await receiver.lines(1)
      await device.reopen()
      await device.write('{"two":2}\n')
      expect((await receiver.lines(2)).at(-1)).to.equal('{"two":2}')
    })

    if (!deaf)
      it('fails while its receiver is away, and works when it is back', async () => {
        await device.write('{"one":1}\n')
        await receiver.lines(1)
        await receiver.leave()
        expect(await failure(() => device.write('{"two":2}\n'))).to.be.instanceOf(Error)
        await receiver.comeBack()
        await device.write('{"three":3}\n')
        expect((await receiver.lines(1)).at(-1)).to.equal('{"three":3}')
      })

    it('refuses options that it does not know, and says which it does', async () => {
      const broker = new AuditBroker({ clock: new HandClock(), log: silent, random: randomBytes, types: { x: make } })
      const options = { ...receiver.options, strange: '1' }
      const thrown = await failure(async () =>
        broker.configure([{ path: 'x/', type: 'x', description: '', local: false, options }]),
      )
      expect(thrown).to.be.instanceOf(Fault).and.have.property('code', 'invalid_request')
      expect((thrown as Fault).message)
        .to.include('not known')
        .and.include(Object.keys(receiver.options)[0])
    })

    it('CVE-2025-6000: takes no prefix', async () => {
      const broker = new AuditBroker({ clock: new HandClock(), log: silent, random: randomBytes, types: { x: make } })
      const options = { ...receiver.options, prefix: '#!/bin/sh' }
      const spec = { path: 'x/', type: 'x', description: '', local: false, options }
      expect(await failure(async () => broker.configure([spec]))).to.be.instanceOf(Fault)
    })

    it('is one of two: the other one continues while this one hangs, and this one recovers', async function () {
      if (!receiver.hang) return
      const clock = new HandClock()
      const broker = new AuditBroker({ clock, log: silent, random: randomBytes, types: { file: fileDevice, x: make } })
      const path = at(`healthy-${Math.floor(performance.now())}.log`)
      const options = { ...receiver.options, log_raw: 'true' }
      await broker.configure([file(path), { path: 'x/', type: 'x', description: '', local: false, options }])
      await receiver.hang()
      // More than the kernel takes for a receiver that does not read.
      for (let times = 0; times < 20; times++) await round(broker, event({ ask: { data: big }, pure: false }))
      await turn()
      // Its time is up: what waits for it is told so, and it tries again at the next line.
      clock.advance(60_000)
      await turn()
      await receiver.comeBack()
      await round(broker, event({ pure: false }))
      expect((await receiver.lines(1))[0]).to.include('sys/audit/gap')
      await broker.shutdown()
      expect(linesOf(path)).to.have.length(42)
    })
  })
}

/** Nearly the longest line there is. */
const big = Object.fromEntries(Array.from({ length: 8 }, (_, at) => [at, 'z'.repeat(60_000)]))
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

async function failure(work: () => unknown): Promise<unknown> {
  try {
    await work()
    return undefined
  } catch (thrown) {
    return thrown
  }
}
