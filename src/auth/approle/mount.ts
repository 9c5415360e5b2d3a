import { createHmac, createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import type { EngineHost } from '../../contract/engine.ts'
import { Fault } from '../../contract/fault.ts'
import { randomBytes } from '../../crypto/fast/random.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import { isBase64, shapeOf } from '../../util/stored/shape.ts'

/** The state of a mount. */
export interface AppRole extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'mayLogIn'> {
  /** The place of a secret id or a role id: its hash under a key of this mount. `scope` is what it is unique within. */
  readonly hash: (scope: string, id: string) => string
}

/** Starts a mount. Its key is created once, and never changes. */
export async function startAppRole(host: EngineHost): Promise<AppRole> {
  const { view, clock, mayLogIn } = host
  const stored = await view.transaction(async (tx) => {
    const old = await tx.get('config/hash-key', hashKeyShape)
    const record = old ?? { key: base64(randomBytes(keyBytes)) }
    if (!old) tx.put('config/hash-key', record)
    return record
  })
  const bytes = fromBase64(stored.key)
  // Under an empty key anybody could compute the place of a secret id.
  if (bytes?.length !== keyBytes) throw new Fault('internal', 'the key of an AppRole mount is damaged')
  const key = createSecretKey(bytes)
  return { view, clock, mayLogIn, limits: () => host.limits(), hash: (scope, id) => hashed(key, scope, id) }
}

const keyBytes = 32

const hashKeyShape = shapeOf<{ readonly key: string }>('a key of AppRole', {
  key: (value) => isBase64(value) && fromBase64(String(value))?.length === keyBytes,
})

const hashed = (key: KeyObject, scope: string, id: string): string =>
  createHmac('sha256', key)
    .update(JSON.stringify([scope, id]))
    .digest('hex')
