import { randomUUID } from 'node:crypto'
import { AuditBroker } from '../../src/audit/broker.ts'
import { tokenEngine } from '../../src/auth/token/engine.ts'
import type { Barrier } from '../../src/contract/barrier.ts'
import { defineEngine } from '../../src/contract/engine.ts'
import type { Engine } from '../../src/contract/engine.ts'
import { plainConfig } from '../../src/contract/mount.ts'
import type { MountSpec } from '../../src/contract/mount.ts'
import { startUnsealed } from '../../src/core/unsealed/unsealed-server.ts'
import type { UnsealedServer } from '../../src/core/unsealed/unsealed-server.ts'
import { randomBytes } from '../../src/crypto/fast/random.ts'
import { cubbyholeEngine } from '../../src/engines/cubbyhole/engine.ts'
import { identityEngine } from '../../src/engines/identity/engine.ts'
import { identitiesIn } from '../../src/engines/identity/identity.ts'
import { plainEngine } from '../../src/engines/kv/v1.ts'
import { silent } from '../../src/util/log.ts'
import type { HandClock } from './clock.ts'

/** The parameters of a new mount. */
export const mountSpec = (path: string, type: string, kind: MountSpec['kind'] = 'secret'): MountSpec => ({
  kind,
  path,
  type,
  description: '',
  config: plainConfig,
  options: null,
  local: false,
  sealWrap: false,
  externalEntropyAccess: false,
})

/** An unsealed server without protocols. Started again on the same barrier, it is the restarted server. */
export async function unsealedCore(
  barrier: Barrier,
  clock: HandClock,
  more: readonly Engine[] = [],
): Promise<UnsealedServer> {
  const parts = { clock, log: silent, random: randomBytes, uuid: randomUUID }
  return startUnsealed({
    ...parts,
    barrier,
    audit: new AuditBroker({ ...parts, types: {} }),
    ttl: { default: 3600, max: 7200 },
    lockoutSettings: {},
    engines: ({ tokensOf, wrappings, loginMounts, identities, identitiesAbove, pathOf }) => [
      identityEngine({
        mountsOf: loginMounts,
        above: identitiesAbove,
        pathOf,
        apiAddress: () => 'http://127.0.0.1:8200',
        uuid: randomUUID,
        random: randomBytes,
      }),
      defineEngine({ type: 'system', kind: 'secret', about: '', start: () => undefined, routes: [] }),
      tokenEngine(tokensOf, identities),
      cubbyholeEngine(wrappings),
      plainEngine('kv'),
      ...more,
    ],
    identitiesIn,
    builtin: [
      mountSpec('sys/', 'system'),
      mountSpec('cubbyhole/', 'cubbyhole'),
      mountSpec('identity/', 'identity'),
      mountSpec('token/', 'token', 'auth'),
    ],
  })
}
