import type { EngineHost } from '../../contract/engine.ts'
import type { Config } from './config.ts'
import { publicKeyOf } from './public-keys.ts'
import type { TokenHeader, VerificationKey } from './token.ts'

/** The state of a mount. */
export interface Jwt extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  /** The keys that may verify a token with such a header. */
  readonly keysFor: (config: Config, header: TokenHeader) => Promise<readonly VerificationKey[]>
}

/** Starts a mount. */
export function startJwt(host: EngineHost): Jwt {
  const { view, clock, log } = host
  // A configuration is the same object until it is changed.
  const parsed = new WeakMap<Config, readonly VerificationKey[]>()
  const keysFor = async (config: Config): Promise<readonly VerificationKey[]> => {
    const keys = parsed.get(config) ?? keysOf(config)
    parsed.set(config, keys)
    return keys
  }
  return { view, clock, log, limits: () => host.limits(), keysFor }
}

const keysOf = ({ pubkeys }: Config): readonly VerificationKey[] =>
  pubkeys.flatMap((pem) => {
    const key = publicKeyOf(pem)
    return key ? [{ key }] : []
  })
