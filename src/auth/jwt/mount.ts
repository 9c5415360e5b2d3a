import { createSecretKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { EngineHost } from '../../contract/engine.ts'
import { Fault } from '../../contract/fault.ts'
import type { View } from '../../contract/view.ts'
import { randomBytes } from '../../crypto/fast/random.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import { isBase64, shapeOf } from '../../util/stored/shape.ts'
import type { Config } from './config.ts'
import { Issuer } from './keys/issuer.ts'
import type { Discovery } from './keys/issuer.ts'
import { fetchPublished } from './keys/key-set.ts'
import { publicKeyOf } from './keys/public-keys.ts'
import type { TokenHeader, VerificationKey } from './token.ts'

/** What a configuration says of its issuer, parsed or fetched. */
export interface Source {
  /** The keys that may verify a token with such a header. @throws Fault unavailable when they cannot be fetched */
  readonly keysFor: (header: TokenHeader) => Promise<readonly VerificationKey[]>
  /** Undefined without a discovery document. @throws Fault unavailable when it cannot be fetched */
  readonly discovery: () => Promise<Discovery | undefined>
}

/** The state of a mount. */
export interface Jwt extends Pick<EngineHost, 'view' | 'clock' | 'limits' | 'log'> {
  readonly sourceOf: (config: Config) => Source
  /** Exchanges of codes at the provider that are under way. */
  readonly exchanges: { running: number }
  /** Signs the states of browser logins. */
  readonly stateKey: KeyObject
}

/** Starts a mount. */
export async function startJwt(host: EngineHost): Promise<Jwt> {
  const { view, clock, log } = host
  let latest: { readonly config: Config; readonly source: Source } | undefined
  const sourceOf = (config: Config): Source => {
    // Parsed and fetched keys are of one configuration: another one begins without any.
    if (!latest || (latest.config !== config && !isDeepStrictEqual(latest.config, config)))
      latest = { config, source: newSource(host, config) }
    return latest.source
  }
  return {
    view,
    clock,
    log,
    limits: () => host.limits(),
    sourceOf,
    exchanges: { running: 0 },
    stateKey: await stateKeyOf(view),
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

const keyBytes = 32

const stateKeyShape = shapeOf<{ readonly key: string }>('the state key of a JWT mount', {
  key: (value) => isBase64(value) && fromBase64(String(value))?.length === keyBytes,
})

/** The key of the mount. It is created once, and never changes. */
async function stateKeyOf(view: View): Promise<KeyObject> {
  const stored = await view.transaction(async (tx) => {
    const old = await tx.get('state-key', stateKeyShape)
    const record = old ?? { key: base64(randomBytes(keyBytes)) }
    if (!old) tx.put('state-key', record)
    return record
  })
  const bytes = fromBase64(stored.key)
  // Under an empty key anybody could make states.
  if (bytes?.length !== keyBytes) throw new Fault('internal', 'the state key of a JWT mount is damaged')
  return createSecretKey(bytes)
}
