import { isDeepStrictEqual } from 'node:util'
import type { EngineHost } from '../../contract/engine.ts'
import { mountKey } from '../../crypto/mount-key.ts'
import type { Config } from './config.ts'
import { Issuer } from './keys/issuer.ts'
import type { Discovery } from './keys/issuer.ts'
import { fetchPublished } from './keys/key-set.ts'
import { publicKeyOf } from '../../crypto/jwt/public-keys.ts'
import { States } from './oidc/state.ts'
import type { TokenHeader, VerificationKey } from '../../crypto/jwt/token.ts'

/** The issuer of a configuration, parsed or fetched. */
interface Source {
  /** The keys that may verify a token with such a header. @throws Fault unavailable when they cannot be fetched */
  readonly keysFor: (header: TokenHeader) => Promise<readonly VerificationKey[]>
  /** Undefined without a discovery document. @throws Fault unavailable when it cannot be fetched */
  readonly discovery: () => Promise<Discovery | undefined>
}

/** The state of a mount. */
export interface Jwt extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  readonly sourceOf: (config: Config) => Source
  /** Counts the changes of the configuration and of roles. */
  readonly changes: { count: number }
  /** Exchanges of codes in progress at the provider. */
  readonly exchanges: { running: number }
  readonly states: States
}

/** Starts a mount. */
export async function startJwt(host: EngineHost): Promise<Jwt> {
  const { view, clock, log } = host
  let latest: { readonly config: Config; readonly source: Source } | undefined
  const sourceOf = (config: Config): Source => {
    // Parsed and fetched keys are of one configuration: another one begins without any.
    if (!latest || !isDeepStrictEqual(latest.config, config)) latest = { config, source: newSource(host, config) }
    return latest.source
  }
  const changes = { count: 0 }
  for (const place of ['config', 'role/']) view.watch(place, () => void changes.count++)
  return {
    view,
    clock,
    log,
    changes,
    limits: () => host.limits(),
    sourceOf,
    exchanges: { running: 0 },
    states: new States(await mountKey(view, 'state-key', 'the state key of a JWT mount'), clock),
  }
}

function newSource({ clock, log }: EngineHost, { pubkeys, remote }: Config): Source {
  if (remote) {
    const issuer = new Issuer({ clock, log, fetch: async () => fetchPublished(clock, remote) })
    return {
      keysFor: async (header) => issuer.keysFor(header),
      discovery: async () => (await issuer.published()).discovery,
    }
  }
  const keys = pubkeys.flatMap((pem) => {
    const key = publicKeyOf(pem)
    return key ? [{ key }] : []
  })
  return { keysFor: async () => keys, discovery: async () => undefined }
}
