import { isDeepStrictEqual } from 'node:util'
import type { EngineHost } from '../../contract/engine.ts'
import type { Config } from './config.ts'
import { fetchKeys } from './keys/key-set.ts'
import { publicKeyOf } from './keys/public-keys.ts'
import { RemoteKeys } from './keys/remote-keys.ts'
import type { TokenHeader, VerificationKey } from './token.ts'

type KeysFor = (header: TokenHeader) => Promise<readonly VerificationKey[]>

/** The state of a mount. */
export interface Jwt extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  /** The keys that may verify a token with such a header. @throws Fault unavailable when they cannot be fetched */
  readonly keysFor: (config: Config, header: TokenHeader) => Promise<readonly VerificationKey[]>
}

/** Starts a mount. */
export function startJwt(host: EngineHost): Jwt {
  const { view, clock, log } = host
  let latest: { readonly config: Config; readonly keysFor: KeysFor } | undefined
  const keysFor = async (config: Config, header: TokenHeader): Promise<readonly VerificationKey[]> => {
    // Parsed and fetched keys are of one configuration: another one begins without any.
    if (!latest || (latest.config !== config && !isDeepStrictEqual(latest.config, config)))
      latest = { config, keysFor: sourceOf(host, config) }
    return latest.keysFor(header)
  }
  return { view, clock, log, limits: () => host.limits(), keysFor }
}

function sourceOf({ clock, log }: EngineHost, { pubkeys, remote }: Config): KeysFor {
  if (remote) {
    const keys = new RemoteKeys({ clock, log, fetch: async () => fetchKeys(clock, remote) })
    return async (header) => keys.keysFor(header)
  }
  const keys = pubkeys.flatMap((pem) => {
    const key = publicKeyOf(pem)
    return key ? [{ key }] : []
  })
  return async () => keys
}
