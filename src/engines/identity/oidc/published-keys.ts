import type { Response } from '../../../contract/response.ts'
import { body } from '../../../contract/wire/returns.ts'
import { f } from '../../../contract/field.ts'
import type { Identity } from '../identity.ts'
import { keyShape } from './tokens/key-record.ts'
import type { OidcKey } from './tokens/key-record.ts'
import { publicKeys } from './tokens/key-ring.ts'
import type { PublishedKey } from './tokens/key-ring.ts'
import { atOidc } from './names.ts'

/** A cache of the public keys of named keys; a key is read again when it has changed. */
export class PublishedKeys {
  readonly #identity: Pick<Identity, 'view' | 'clock'>
  readonly #cache = new Map<string, { readonly record: OidcKey; readonly keys: readonly PublishedKey[] }>()

  constructor(identity: Pick<Identity, 'view' | 'clock'>) {
    this.#identity = identity
  }

  /** The keys that verify tokens now. `until`: the time of the next rotation, epoch milliseconds. */
  async of(names: Iterable<string>): Promise<{ readonly keys: readonly PublishedKey[]; readonly until: number }> {
    const now = this.#identity.clock.now()
    const keys: PublishedKey[] = []
    let until = Infinity
    for (const name of new Set(names)) {
      const record = await this.#identity.view.get(atOidc.key(name), keyShape)
      if (!record) continue
      until = Math.min(until, record.nextRotation)
      keys.push(...this.#keysOf(name, record).filter(({ expiresAt = Infinity }) => expiresAt > now))
    }
    return { keys, until }
  }

  #keysOf(name: string, record: OidcKey): readonly PublishedKey[] {
    const cached = this.#cache.get(name)
    if (cached?.record === record) return cached.keys
    const keys = publicKeys(record)
    if (this.#cache.size >= cacheSize) this.#cache.clear()
    this.#cache.set(name, { record, keys })
    return keys
  }
}

const cacheSize = 1000

/** The maximum time that clients may cache a key set or a discovery document, seconds. */
const cacheSeconds = 3600

/** The caching header of discovery documents. */
export const documentHeaders = { 'Cache-Control': `max-age=${cacheSeconds}` }

/** The schema of the response with keys. */
export const keySetReturns = body({ keys: f.array('The public keys, as JWKs.') })

/** The response with public keys (RFC 7517). It can be cached until the next rotation, because it already contains the next key. */
export async function keySet({ published, clock }: Identity, names: Iterable<string>): Promise<Response> {
  const { keys, until } = await published.of(names)
  const seconds = Math.min(cacheSeconds, Math.floor((until - clock.now()) / 1000))
  return {
    data: { keys: keys.map(({ jwk }) => jwk) },
    ...(keys.length > 0 && seconds > 0 && { headers: { 'Cache-Control': `max-age=${seconds}` } }),
  }
}
