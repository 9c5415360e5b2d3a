import { expect } from 'chai'
import { Fault } from '../../../src/contract/fault.ts'
import type { AutoSeal, WrappedKey } from '../../../src/contract/seal.ts'
import { SealHealth } from '../../../src/core/seal/seal-health.ts'
import { Events } from '../../../src/core/telemetry/events.ts'
import { randomBytes } from '../../../src/crypto/fast/random.ts'
import type { Log } from '../../../src/util/log.ts'
import { HandClock } from '../../support/clock.ts'

const minutes = 60_000

/** A seal that does as it is told. */
class ObedientSeal implements AutoSeal {
  readonly type = 'obedient'
  readonly name: string
  readonly disabled: boolean
  mood: 'works' | 'fails' | 'lies' = 'works'
  checks = 0
  /** What it does not decrypt any more. */
  lost = ''
  readonly seen: Uint8Array[] = []

  constructor(name: string, disabled = false) {
    this.name = name
    this.disabled = disabled
  }

  async wrap(key: Uint8Array): Promise<WrappedKey> {
    this.checks++
    if (this.mood === 'fails') throw new Fault('unavailable', `no answer from ${this.name}`)
    this.seen.push(Uint8Array.from(key))
    return { seal: this.name, keyId: 'k', value: Buffer.from(key).toString('base64') }
  }

  async unwrap({ value }: WrappedKey): Promise<Uint8Array> {
    if (value === this.lost) throw new Fault('precondition_failed', 'that key is gone')
    const key = Uint8Array.from(Buffer.from(value, 'base64'))
    return this.mood === 'lies' ? key.map((byte) => byte ^ 1) : key
  }

  isCurrent(): boolean {
    return true
  }
}

describe('the health of seals', () => {
  const clock = new HandClock()
  const told: string[] = []
  const stored = new Map<string, WrappedKey>()
  const hear = (level: string) => (message: string, fields?: object) => void told.push(`${level} ${message} ${JSON.stringify(fields)}`) // prettier-ignore
  const log = { debug: hear('debug'), info: hear('info'), warn: hear('warn'), error: hear('error') } as unknown as Log
  const watch = (...seals: readonly AutoSeal[]) =>
    new SealHealth({ seals, stored: async (name) => stored.get(name), random: randomBytes, clock, events: new Events(log) }) // prettier-ignore
  const settled = async () => new Promise(setImmediate)
  const pass = async (ms: number) => {
    clock.advance(ms)
    await settled()
  }
  beforeEach(() => void told.splice(0))

  it('is checked with another random value at the start, then every ten minutes', async () => {
    const seal = new ObedientSeal('one')
    const health = watch(seal)
    // What is not known to work does not count as working.
    expect(health.states[0]).to.include({ name: 'one', type: 'obedient', healthy: false, unhealthySince: clock.now() })
    health.start()
    await settled()
    expect(health.states).to.deep.equal([{ name: 'one', type: 'obedient', healthy: true, checkTime: 0 }])
    await pass(10 * minutes - 1)
    expect(seal.checks).to.equal(1)
    await pass(1)
    expect(seal.checks).to.equal(2)
    expect(seal.seen[0]).to.not.deep.equal(seal.seen[1])
    expect(told).to.deep.equal([])
    health.stop()
    await pass(60 * minutes)
    expect(seal.checks).to.equal(2)
  })

  for (const mood of ['fails', 'lies'] as const)
    it(`changes with a seal that ${mood}, is checked every minute then, and told once`, async () => {
      const [good, bad] = [new ObedientSeal('good'), new ObedientSeal('bad')]
      const health = watch(good, bad)
      health.start()
      await settled()
      bad.mood = mood
      await pass(10 * minutes)
      const since = clock.now()
      expect(health.states.map(({ healthy }) => healthy)).to.deep.equal([true, false])
      expect(told).to.have.length(1)
      expect(told[0]).to.match(/^error a seal of the configuration does not work.*"name":"bad"/)
      for (let minute = 0; minute < 5; minute++) await pass(minutes)
      expect([good.checks, bad.checks]).to.deep.equal([2, 7])
      expect(health.states[1]).to.include({ healthy: false, unhealthySince: since })
      expect(told).to.have.length(1)
      bad.mood = 'works'
      await pass(minutes)
      expect(health.states[1]).to.include({ healthy: true }).and.not.have.property('unhealthySince')
      expect(told[1]).to.match(/^info a seal of the configuration works again.*"name":"bad"/)
      health.stop()
    })

  it('is told of a seal that fails from the start; one that only decrypts is not asked', async () => {
    const [bad, old] = [new ObedientSeal('bad'), new ObedientSeal('old', true)]
    bad.mood = 'fails'
    const health = watch(bad, old)
    health.start()
    await settled()
    expect(told.join()).to.match(/no answer from bad/)
    expect(health.states.map(({ name }) => name)).to.deep.equal(['bad'])
    expect(old.checks).to.equal(0)
    health.stop()
  })

  it('is that of the unseal key, too: a seal that decrypts only what is new does not unseal', async () => {
    const seal = new ObedientSeal('one')
    const wrapped = await seal.wrap(randomBytes(32))
    stored.set('one', wrapped)
    const health = watch(seal)
    health.start()
    await settled()
    expect(health.states[0]).to.include({ healthy: true })
    seal.lost = wrapped.value
    await pass(10 * minutes)
    expect(health.states[0]).to.include({ healthy: false })
    expect(told.join()).to.match(/it does not decrypt the unseal key of the storage any more: that key is gone/)
    // The server is sealed: its unseal key is left alone.
    stored.clear()
    await pass(minutes)
    expect(health.states[0]).to.include({ healthy: true })
    health.stop()
  })

  it('is good with key shares', () => {
    expect(watch().states).to.deep.equal([{ name: 'shamir', type: 'shamir', healthy: true }])
  })
})
