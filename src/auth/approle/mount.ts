import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { EngineHost } from '../../contract/engine.ts'
import { mountKey } from '../../crypto/mount-key.ts'

/** The state of a mount. */
export interface AppRole extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'mayLogIn'> {
  /** The record name of a secret id or a role id: its hash under a key of this mount. It is unique within `scope`. */
  readonly hash: (scope: string, id: string) => string
}

/** Starts a mount. Its key is created once, and never changes. */
export async function startAppRole(host: EngineHost): Promise<AppRole> {
  const { view, clock, mayLogIn } = host
  const key = await mountKey(view, 'config/hash-key', 'the hash key of an AppRole mount')
  return { view, clock, mayLogIn, limits: () => host.limits(), hash: (scope, id) => hashed(key, scope, id) }
}

const hashed = (key: KeyObject, scope: string, id: string): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([scope, id]))
    .digest('hex')
