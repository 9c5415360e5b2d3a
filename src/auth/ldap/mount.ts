import { isDeepStrictEqual } from 'node:util'
import type { EngineHost } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { configKey, configShape } from './config.ts'
import type { Config } from './config.ts'
import { Directory } from './directory.ts'
import { DirectoryError } from './wire/directory-error.ts'

/** The state of a mount. */
export interface Ldap extends Pick<EngineHost, 'view' | 'clock' | 'log' | 'mayLogIn'> {
  /** Logins and renewals that wait for a server. */
  readonly waiting: { count: number }
}

/** The most of them. A server that is slow thus holds a bounded number of connections. */
const mostWaiting = 64

/** Starts a mount. */
export const startLdap = ({ view, clock, log, mayLogIn }: EngineHost): Ldap => ({
  view,
  clock,
  log,
  mayLogIn,
  waiting: { count: 0 },
})

/** @throws Fault invalid_request when the mount is not configured */
export async function configOf({ view }: Ldap): Promise<Config> {
  const config = await view.get(configKey, configShape)
  if (!config) throw refuse('ldap backend not configured: write auth/<mount>/config first')
  return config
}

/**
 * Talks to the directory of a configuration, which must still be the same afterwards.
 * @throws Fault unavailable when every server fails; the log has the reason
 */
export async function asking<T>(engine: Ldap, config: Config, work: (directory: Directory) => Promise<T>): Promise<T> {
  if (engine.waiting.count >= mostWaiting)
    throw new Fault('unavailable', 'too many logins wait for the LDAP server: try again')
  engine.waiting.count += 1
  let found: T
  try {
    found = await Directory.ask(engine.clock, config, work)
  } catch (thrown) {
    if (!(thrown instanceof DirectoryError)) throw thrown
    engine.log.warn('an LDAP server failed during a login', { why: thrown.message })
    throw new Fault('unavailable', 'the LDAP server cannot be asked now: try again. See the server log for the reason')
  } finally {
    engine.waiting.count -= 1
  }
  if (!isDeepStrictEqual(await configOf(engine), config))
    throw new Fault('unavailable', 'the configuration was changed during this login: try again')
  return found
}
