import { createHash } from 'node:crypto'
import type { MountRecord } from '../../contract/mount.ts'
import { recent } from '../../util/caches/recent.ts'
import type { Clock } from '../../util/clock.ts'
import { inByteOrder } from '../../util/sorting.ts'

/** When failed logins lock a user out. */
export interface LockoutRules {
  /** Failed logins that lock a user out; at least 1. */
  readonly threshold: number
  /** Seconds that a user is locked out for. */
  readonly duration: number
  /** Seconds after which the failed logins of a user are forgotten. */
  readonly counterReset: number
  readonly disabled: boolean
}

/** The `user_lockout` blocks of the configuration, by type of login method; `all` is for every type. */
export type LockoutSettings = Readonly<Record<string, Partial<LockoutRules>>>

const defaults: LockoutRules = { threshold: 5, duration: 900, counterReset: 900, disabled: false }

/** The rules for a mount: its own settings first, then the block of its type, then the block for all. Zero: not set. */
export function lockoutRules(settings: LockoutSettings, { type, config }: MountRecord): LockoutRules {
  const rules = { ...defaults, ...settings['all'], ...settings[type] }
  const own = config.user_lockout_config ?? {}
  return {
    threshold: Number(own['user_lockout_threshold']) || rules.threshold,
    duration: Number(own['user_lockout_duration']) || rules.duration,
    counterReset: Number(own['user_lockout_counter_reset_duration']) || rules.counterReset,
    disabled: own['user_lockout_disable'] === true || rules.disabled,
  }
}

/** The failed logins of one user. `last` in epoch milliseconds. */
interface Failures {
  readonly count: number
  readonly last: number
}

/** The most names of one mount; the least recently used one is dropped first. */
const mostNames = 32_768

/** Names that are sorted without a pause. */
const sortedAtOnce = 1000

/** A longer name is counted by its hash, to limit the memory of names. */
const longestName = 128

/**
 * Counts failed logins by mount and user, and locks users out. In memory, for this process only: a check and its count are
 * one synchronous step, so that of many concurrent guesses no more than the threshold are checked.
 */
export class Lockouts {
  readonly #clock: Pick<Clock, 'now'>
  readonly #settings: LockoutSettings
  /** By accessor of the mount. */
  readonly #mounts = new Map<string, ReturnType<typeof recent<string, Failures>>>()

  constructor(clock: Pick<Clock, 'now'>, settings: LockoutSettings) {
    this.#clock = clock
    this.#settings = settings
  }

  /** Whether a login may continue: its proof is correct and its user is not locked out. See `EngineHost.mayLogIn`. */
  mayLogIn(mount: MountRecord, alias: string, isProven: boolean): boolean {
    const rules = lockoutRules(this.#settings, mount)
    if (rules.disabled) return isProven
    const name = counted(alias)
    const names = this.#mounts.get(mount.accessor)
    const failures = this.#current(names?.get(name), rules)
    if (failures && failures.count >= rules.threshold) return false
    if (isProven) names?.delete(name)
    else this.#note(mount, name, (failures?.count ?? 0) + 1)
    return isProven
  }

  /** The users of a mount that are locked out now, in byte order. Names that no user has are among them. */
  async locked(mount: MountRecord): Promise<readonly string[]> {
    const rules = lockoutRules(this.#settings, mount)
    if (rules.disabled) return []
    const found: string[] = []
    for (const [name, stored] of this.#mounts.get(mount.accessor)?.entries() ?? [])
      if ((this.#current(stored, rules)?.count ?? 0) >= rules.threshold) found.push(name)
    return inByteOrder(found, sortedAtOnce)
  }

  /** Forgets the failed logins of a user. */
  unlock(mount: MountRecord, alias: string): void {
    this.#mounts.get(mount.accessor)?.delete(counted(alias))
  }

  /** Drops the counts of a removed mount. */
  forget({ accessor }: MountRecord): void {
    this.#mounts.delete(accessor)
  }

  /** Undefined once they have expired. */
  #current(failures: Failures | undefined, { threshold, duration, counterReset }: LockoutRules): Failures | undefined {
    if (!failures) return undefined
    const seconds = failures.count >= threshold ? duration : counterReset
    return this.#clock.now() < failures.last + seconds * 1000 ? failures : undefined
  }

  #note({ accessor }: MountRecord, name: string, count: number): void {
    let names = this.#mounts.get(accessor)
    if (!names) this.#mounts.set(accessor, (names = recent<string, Failures>(mostNames)))
    names.set(name, { count, last: this.#clock.now() })
  }
}

/** The name under which a user is counted. */
function counted(alias: string): string {
  return alias.length <= longestName ? alias : `sha256:${createHash('sha256').update(alias).digest('hex')}`
}
