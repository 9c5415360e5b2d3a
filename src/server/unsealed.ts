import { plainConfig } from '../contract/mount.ts'
import type { MountSpec } from '../contract/mount.ts'
import type { Engine } from '../contract/engine.ts'
import type { NamespaceId } from '../contract/identity.ts'
import { startUnsealed } from '../core/unsealed/unsealed-server.ts'
import type { UnsealedServer, UnsealedServerParts } from '../core/unsealed/unsealed-server.ts'
import { identitiesIn } from '../engines/identity/identity.ts'
import { keysIn } from '../keys/store.ts'
import { engines } from './engines.ts'
import type { EnginePorts } from './engines.ts'

const builtin = (kind: MountSpec['kind'], path: string, type: string, description: string): MountSpec => ({
  kind,
  path,
  type,
  description,
  config: plainConfig,
  options: null,
  local: path === 'cubbyhole/',
  sealWrap: path === 'sys/',
  externalEntropyAccess: false,
})

const builtinMounts: readonly MountSpec[] = [
  {
    ...builtin('secret', 'sys/', 'system', 'system endpoints used for control, policy and debugging'),
    config: { ...plainConfig, passthrough_request_headers: ['Accept'] },
  },
  builtin('secret', 'cubbyhole/', 'cubbyhole', 'per-token private secret storage'),
  {
    ...builtin('secret', 'identity/', 'identity', 'identity store'),
    config: { ...plainConfig, passthrough_request_headers: ['Authorization'] },
  },
  builtin('auth', 'token/', 'token', 'token based credentials'),
]

/** Starts the core of a server whose barrier has been unsealed, with the engines of this build and additional ones. */
export async function startWithEngines(
  parts: Omit<UnsealedServerParts, 'engines' | 'identitiesIn' | 'builtin'>,
  system: Engine,
  { apiAddress, more }: Pick<EnginePorts, 'apiAddress'> & { readonly more: (ports: EnginePorts) => readonly Engine[] },
): Promise<UnsealedServer> {
  return startUnsealed({
    ...parts,
    engines: ({ stateAt, ...open }) => {
      const ports = {
        ...open,
        apiAddress,
        keysOf: (namespace: NamespaceId, path: string) => keysIn(stateAt(namespace, path)),
      }
      return [...engines(system, ports), ...more(ports)]
    },
    identitiesIn,
    builtin: builtinMounts,
  })
}
