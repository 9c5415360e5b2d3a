import { randomUUID } from 'node:crypto'
import { approleEngine } from '../auth/approle/engine.ts'
import { certEngine } from '../auth/cert/engine.ts'
import { jwtEngines } from '../auth/jwt/engine.ts'
import { kubernetesEngine } from '../auth/kubernetes/engine.ts'
import { ldapEngine } from '../auth/ldap/engine.ts'
import { tokenEngine } from '../auth/token/engine.ts'
import type { TokenPort } from '../auth/token/port.ts'
import { userpassEngine } from '../auth/userpass/engine.ts'
import type { Engine } from '../contract/engine.ts'
import type { Identities, NamespaceId } from '../contract/identity.ts'
import type { MountRecord } from '../contract/mount.ts'
import { randomBytes } from '../crypto/fast/random.ts'
import { cubbyholeEngine } from '../engines/cubbyhole/engine.ts'
import type { WrappedResponses } from '../engines/cubbyhole/engine.ts'
import { identityEngine } from '../engines/identity/engine.ts'
import { plainEngine } from '../engines/kv/v1.ts'
import { versionedEngine } from '../engines/kv/v2/engine.ts'
import { totpEngine } from '../engines/totp/engine.ts'
import { transitEngine } from '../engines/transit/engine.ts'
import type { KeyStore } from '../keys/store.ts'

/** The parts of engines: their ports into the rest of an unsealed server. */
export interface EnginePorts {
  readonly tokensOf: (namespace: NamespaceId) => TokenPort
  readonly wrappings: WrappedResponses
  /** The mounts of login methods in a namespace. */
  readonly loginMounts: (namespace: NamespaceId) => readonly MountRecord[]
  readonly identities: (namespace: NamespaceId) => Identities | undefined
  /** The identities of the namespaces above one, the nearest first. */
  readonly identitiesAbove: (namespace: NamespaceId) => readonly Identities[]
  /** The path of a namespace, from the root one on. */
  readonly pathOf: (namespace: NamespaceId) => string
  /** Scheme, host and port at which clients reach the server; empty if it is not known. */
  readonly apiAddress: () => string
  /** The keys of the mount at an API path (`transit/`) of a namespace; undefined if there is none. Called for each request. */
  readonly keysOf: (namespace: NamespaceId, mountPath: string) => KeyStore | undefined
}

/** Everything that can be mounted: one line each. */
export function engines(
  system: Engine,
  { tokensOf, wrappings, loginMounts, identities, identitiesAbove, pathOf, apiAddress }: EnginePorts,
): readonly Engine[] {
  return [
    system,
    tokenEngine(tokensOf, identities),
    userpassEngine,
    approleEngine,
    ...jwtEngines,
    kubernetesEngine(),
    certEngine,
    ldapEngine,
    cubbyholeEngine(wrappings),
    identityEngine({
      mountsOf: loginMounts,
      above: identitiesAbove,
      pathOf,
      apiAddress,
      uuid: randomUUID,
      random: randomBytes,
    }),
    totpEngine(randomBytes),
    transitEngine(randomBytes),
    plainEngine('kv'),
    versionedEngine(randomBytes),
    plainEngine('generic'),
  ]
}
