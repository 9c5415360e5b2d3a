import { expect } from 'chai'
import { array, assert, boolean, integer, property } from 'fast-check'
import { plainConfig } from '../../../src/contract/mount.ts'
import type { MountRecord } from '../../../src/contract/mount.ts'
import { Lockouts, lockoutRules } from '../../../src/core/authentication/lockouts.ts'
import { HandClock } from '../../support/clock.ts'
import { turnsDuring } from '../../support/processes/event-loop-turns.ts'

const mount = (config: MountRecord['config'] = plainConfig, accessor = 'auth_userpass_1'): MountRecord => ({
  uuid: 'u',
  namespace: 'root',
  kind: 'auth',
  path: 'userpass/',
  type: 'userpass',
  accessor,
  description: '',
  config,
  options: null,
  local: false,
  sealWrap: false,
  externalEntropyAccess: false,
  builtin: false,
})

describe('lockouts', () => {
  it('takes the rules of the mount before those of its type, and these before those for all', () => {
    const settings = {
      all: { threshold: 7, duration: 70, disabled: true },
      userpass: { threshold: 3, disabled: false },
    }
    expect(lockoutRules({}, mount())).to.deep.equal({ threshold: 5, duration: 900, counterReset: 900, disabled: false })
    const expected = { threshold: 3, duration: 70, counterReset: 900, disabled: false }
    expect(lockoutRules(settings, mount())).to.deep.equal(expected)
    const own = { user_lockout_threshold: 2, user_lockout_duration: 0, user_lockout_disable: true }
    const tuned = mount({ ...plainConfig, user_lockout_config: own })
    expect(lockoutRules(settings, tuned)).to.deep.equal({ ...expected, threshold: 2, disabled: true })
    // Switched off for all by the environment: no mount switches it on.
    const on = mount({ ...plainConfig, user_lockout_config: { user_lockout_disable: false } })
    expect(lockoutRules({ all: { disabled: true } }, on).disabled).to.equal(true)
  })

  it('remembers a bounded number of names, and long ones by their hash', async () => {
    const lockouts = new Lockouts(new HandClock(), { all: { threshold: 1 } })
    const long = 'a'.repeat(100_000)
    expect(lockouts.mayLogIn(mount(), long, false)).to.equal(false)
    expect(lockouts.mayLogIn(mount(), long, true)).to.equal(false)
    expect((await lockouts.locked(mount()))[0]?.length).to.be.lessThan(129)
    lockouts.unlock(mount(), long)
    expect(lockouts.mayLogIn(mount(), long, true)).to.equal(true)
    for (let at = 0; at < 40_000; at++) lockouts.mayLogIn(mount(), `name-${at}`, false)
    let locked: readonly string[] = []
    // Their list is sorted in parts: anybody can lock that many names out.
    expect(await turnsDuring(async () => (locked = await lockouts.locked(mount())))).to.be.greaterThan(20)
    expect(locked).to.have.length(32_768)
    expect(locked).to.deep.equal([...locked].sort())
    // Names of one mount do not push out those of another.
    const other = mount(plainConfig, 'auth_userpass_2')
    lockouts.mayLogIn(other, 'anna', false)
    for (let at = 0; at < 40_000; at++) lockouts.mayLogIn(mount(), `more-${at}`, false)
    expect(await lockouts.locked(other)).to.deep.equal(['anna'])
  })

  it('accepts a right password exactly if fewer failures than the threshold came before it', () => {
    assert(
      property(array(boolean(), { maxLength: 30 }), integer({ min: 1, max: 6 }), (proofs, threshold) => {
        const lockouts = new Lockouts(new HandClock(), { userpass: { threshold } })
        let failures = 0
        for (const isProven of proofs) {
          expect(lockouts.mayLogIn(mount(), 'anna', isProven)).to.equal(isProven && failures < threshold)
          if (failures < threshold) failures = isProven ? 0 : failures + 1
        }
      }),
    )
  })
})
