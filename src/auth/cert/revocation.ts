import type { Deadline } from '../../util/http/deadline.ts'
import { perObject } from '../../util/caches/per-object.ts'
import { isListOf, isName, orAbsent, shapeOf } from '../../util/stored/shape.ts'
import { ListError, fetchedList, isSource } from './fetched-list.ts'
import type { Source } from './fetched-list.ts'
import type { Cert } from './mount.ts'
import type { Certificate } from './x509/certificate.ts'

/** A revocation list as stored, at `crl/<name>`. */
export interface StoredList {
  /** Serial numbers, decimal. */
  readonly serials: readonly string[]
  /** Absent: the list was written, not fetched. */
  readonly source?: Source
}

export const crlShape = shapeOf<StoredList>('a revocation list', {
  serials: isListOf(isName),
  source: orAbsent(isSource),
})
const serialsOf = perObject(({ serials }: StoredList): ReadonlySet<string> => new Set(serials))

/** Lists that are being fetched again, and failed fetches, by the name of the list. */
export interface Refreshes {
  readonly running: Map<string, Promise<StoredList | undefined>>
  /** No fetch before this time, epoch milliseconds. */
  readonly retryAt: Map<string, number>
}

/** The pause after a failed fetch, milliseconds. */
const retryPause = 10_000

/**
 * The revocation status of a path by the lists of the mount. Serial numbers apply to the certificates of every authority.
 * A list that was written is valid until it is removed, even after its expiry, as in OpenBao. A list of a URL is fetched again
 * when it has expired. If that fails or takes too long, the expired list still revokes, and the status of the other
 * certificates of its issuer is undetermined.
 */
export async function revocationOf(
  engine: Cert,
  path: readonly Certificate[],
  deadline: Deadline,
): Promise<'good' | 'revoked' | 'undetermined'> {
  let isDetermined = true
  for (const name of await engine.view.list('crl/')) {
    const stored = await engine.view.get(`crl/${name}`, crlShape)
    const crl = stored && (await deadline.within(current(engine, name, stored), stored))
    if (!crl) continue
    if (path.some(({ serial }) => serialsOf(crl).has(serial))) return 'revoked'
    isDetermined &&= !isExpired(engine, crl) || !path.some(({ issuer }) => issuer === crl.source?.issuer)
  }
  return isDetermined ? 'good' : 'undetermined'
}

const isExpired = ({ clock }: Cert, { source }: StoredList): boolean =>
  source !== undefined && source.validUntil <= clock.now()

/** The list, fetched again if it has expired. */
async function current(engine: Cert, name: string, list: StoredList): Promise<StoredList | undefined> {
  const { source } = list
  const { running, retryAt } = engine.refreshes
  if (!source || !isExpired(engine, list) || (retryAt.get(name) ?? 0) > engine.clock.now()) return list
  const refresh =
    running.get(name) ??
    refreshed(engine, name, source).finally(() => {
      running.delete(name)
    })
  running.set(name, refresh)
  return refresh
}

/** Fetches a list again and stores it, unless the stored list was replaced in the meantime. */
async function refreshed(engine: Cert, name: string, source: Source): Promise<StoredList | undefined> {
  const key = `crl/${name}`
  try {
    const next = await fetchedList(engine, source.url)
    // Over plain HTTP, an attacker on the network path could substitute the list of another trusted authority,
    // or a list of other certificates of this authority.
    if (next.source.issuer !== source.issuer || next.source.scope !== source.scope)
      throw new ListError(
        'its issuer or its scope (issuing distribution point) differs from that of the previous list: write its url again to accept it',
      )
    if (next.source.thisUpdate < source.thisUpdate)
      throw new ListError('it is older than the previous list (thisUpdate)')
    await engine.view.transaction(async (tx) => {
      const stored = await tx.get(key, crlShape)
      if (stored?.source?.url === source.url && stored.source.thisUpdate <= next.source.thisUpdate) tx.put(key, next)
    })
    engine.refreshes.retryAt.delete(name)
  } catch (thrown) {
    if (!(thrown instanceof ListError)) throw thrown
    engine.refreshes.retryAt.set(name, engine.clock.now() + retryPause)
    engine.log.warn('an expired revocation list could not be fetched', { name, why: thrown.message })
  }
  return engine.view.get(key, crlShape)
}
