import { Fault } from '../contract/fault.ts'
import type { Caller } from '../contract/identity.ts'

/** The operations on keys that policies name. */
export type KeyOperation = 'encrypt' | 'decrypt' | 'sign' | 'verify' | 'hmac' | 'cmac' | 'encapsulate' | 'decapsulate'

/** A use of a key of a mount, as policies see it: `<mount><operation>/<name>`, with `update`. */
interface KeyPermission {
  /** The API path of the mount that has the key: `transit/`. */
  readonly mount: string
  readonly operation: KeyOperation
  readonly name: string
  /** The parameters by the names of that path (`key_version`, `context`, …), for rules about parameters. */
  readonly data?: Readonly<Record<string, unknown>>
}

/**
 * One policy governs a key: every engine that uses a key of another mount checks the key's own path first.
 * @throws Fault permission_denied
 */
export function mustBeAllowed(caller: Caller, { mount, operation, name, data }: KeyPermission): void {
  const path = `${mount}${operation}/${name}`
  if (!caller.allows({ operation: 'update', path, ...(data && { data }) }))
    throw new Fault('permission_denied', 'permission denied')
}
