import { refuse } from '../../contract/fault.ts'
import type { MountPort } from './mount-port.ts'

type Data = Readonly<Record<string, unknown>>

/** `kv-v2` is `kv` with version 2. */
export function typeOf(type: string): { readonly type: string; readonly version?: string } {
  const alias = /^kv-v([12])$/.exec(type)
  return alias ? { type: 'kv', version: alias[1] as string } : { type }
}

/** @throws Fault invalid_request when a type has no such version */
export function checkVersion(mounts: MountPort, type: string, version: string | undefined): void {
  if (version === undefined) return
  const offered = mounts.versions(type)
  if (!offered) throw refuse(`engines of type "${type}" have no versions; leave options.version out`)
  if (!offered.includes(version)) throw refuse(`invalid version provided: ${version}`)
}

/** @throws Fault invalid_request when settings lock users out of a type of login method that has none */
export function refuseLockout(mounts: MountPort, type: string, params: Data): void {
  if (Object.hasOwn(params, 'user_lockout_config') && !isEmpty(params['user_lockout_config']) && !mounts.locksOut(type))
    throw refuse(`tuning of user lockout configuration for auth type "${type}" not allowed`)
}

/** Without members. */
export const isEmpty = (value: unknown): boolean => typeof value === 'object' && Object.keys(value ?? {}).length === 0

/** The path of a mount ends in a slash. */
export const slashed = (at: string): string => (at.endsWith('/') ? at : `${at}/`)
