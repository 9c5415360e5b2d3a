import { hostAndPort } from '../config/listener.ts'
import { isLoopback } from '../util/cidr.ts'
import { ConfigError } from '../config/source.ts'
import { defaultTtl } from '../config/types.ts'
import type { Config } from '../config/types.ts'
import { plainConfig } from '../contract/mount.ts'
import type { MountSpec } from '../contract/mount.ts'
import { base64 } from '../util/bytes.ts'
import type { ServerCore } from './core.ts'

/** How a development server listens, and the id of its root token. */
export interface DevOptions {
  readonly rootTokenId?: string
  readonly listenAddress?: string
  readonly tls?: { readonly certFile: string; readonly keyFile: string }
  /** Plain HTTP on an address that other machines can reach. */
  readonly plainOnNetwork?: boolean
}

/**
 * The address of a development server. @throws ConfigError for an invalid address, and for plain HTTP on a network address
 * without the flag that allows it
 */
function devAddress({ listenAddress: address = '127.0.0.1:8200', tls, plainOnNetwork = false }: DevOptions) {
  const at = hostAndPort(address)
  if (!at) throw new ConfigError(`the address "${address}" must be host:port, such as 127.0.0.1:8200`)
  const host = at.host || '127.0.0.1'
  const isPlain = !tls && !isLoopback(host)
  if (isPlain && !plainOnNetwork)
    throw new ConfigError(
      `plain HTTP on ${host} would send tokens and secrets over the network in clear: listen on 127.0.0.1, add -dev-tls, or, behind something that does TLS, add -dev-unsafe-allow-tls-disable-on-network`,
    )
  if (plainOnNetwork && !isPlain)
    throw new ConfigError(
      `-dev-unsafe-allow-tls-disable-on-network has no effect ${tls ? 'with -dev-tls' : `on ${host}, which is this machine`}: leave it out`,
    )
  return { host, port: at.port }
}

/** The configuration of a development server: everything in memory. @throws ConfigError for an address that is none */
export function devConfig(dev: DevOptions = {}): Config {
  const { tls } = dev
  return {
    storage: { type: 'inmem' },
    listeners: [
      {
        ...devAddress(dev),
        ...(tls && { tls }),
        unauthedRekey: false,
        unauthedGenerateRoot: false,
      },
    ],
    defaultLeaseTtl: defaultTtl,
    maxLeaseTtl: defaultTtl,
    logLevel: 'info',
    logFormat: 'standard',
    apiAudit: true,
    audits: [],
    witnesses: [],
    seals: [],
    recoveryUnseals: false,
    initialize: [],
    userLockout: {},
  }
}

/** The extra mount of a development server: `secret/`, KV version 2. */
const devSecrets: MountSpec = {
  kind: 'secret',
  path: 'secret/',
  type: 'kv',
  description: 'key/value secret storage',
  config: plainConfig,
  options: { version: '2' },
  local: false,
  sealWrap: false,
  externalEntropyAccess: false,
}

/** Initialises a development server with one share, unseals it and mounts `secret/`. */
export async function initialiseDev(
  core: ServerCore,
  rootTokenId: string | undefined,
): Promise<{ readonly rootToken: string; readonly unsealKey: string }> {
  const { shares, rootToken } = await core.manager.initialise(1, 1)
  const share = shares[0] as Uint8Array
  await core.manager.unseal(share)
  await core.unsealed().namespaces.root.mounts.enable(devSecrets)
  if (rootTokenId === undefined) return { rootToken, unsealKey: base64(share) }
  const { tokens } = core.unsealed()
  await tokens.createDevRoot(rootTokenId)
  const first = await tokens.idOf(rootToken)
  if (first !== undefined && rootTokenId !== rootToken) await tokens.revoke(first)
  return { rootToken: rootTokenId, unsealKey: base64(share) }
}
