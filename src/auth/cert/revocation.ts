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
  /** Absent: it was written. */
  readonly source?: Source
}

export const crlShape = shapeOf<StoredList>('a revocation list', {
  serials: isListOf(isName),
  source: orAbsent(isSource),
})
const serialsOf = perObject(({ serials }: StoredList): ReadonlySet<string> => new Set(serials))

/** Lists that are being fetched again, by their name, and when those that could not be are tried again. */
export interface Refreshing {
  readonly running: Map<string, Promise<StoredList | undefined>>
  readonly after: Map<string, number>
}

/** How long after a failure a list is not fetched again, milliseconds. */
const pause = 10_000

/**
 * What the lists of the mount say of a path. Serial numbers count, whichever authority made the list. A list that was written
 * counts until it is removed, whether or not it has expired, as in OpenBao. One of a URL is fetched again when it has expired;
 * when it cannot be, or not in time, it still revokes, and nothing is clear about the other certificates of its issuer.
 */
export async function revocationOf(
  engine: Cert,
  path: readonly Certificate[],
  deadline: Deadline,
): Promise<'good' | 'revoked' | 'unclear'> {
  let isClear = true
  for (const name of await engine.view.list('crl/')) {
    const stored = await engine.view.get(`crl/${name}`, crlShape)
    const crl = stored && (await deadline.within(current(engine, name, stored), stored))
    if (!crl) continue
    if (path.some(({ serial }) => serialsOf(crl).has(serial))) return 'revoked'
    isClear &&= !isStale(engine, crl) || !path.some(({ issuer }) => issuer === crl.source?.issuer)
  }
  return isClear ? 'good' : 'unclear'
}

const isStale = ({ clock }: Cert, { source }: StoredList): boolean =>
  source !== undefined && source.validUntil <= clock.now()

/** The list, fetched again if it is time. */
async function current(engine: Cert, name: string, list: StoredList): Promise<StoredList | undefined> {
  const { source } = list
  const { running, after } = engine.refreshing
  if (!source || !isStale(engine, list) || (after.get(name) ?? 0) > engine.clock.now()) return list
  const again =
    running.get(name) ??
    refreshed(engine, name, source).finally(() => {
      running.delete(name)
    })
  running.set(name, again)
  return again
}

/** Fetches a list again and stores it, unless somebody has replaced it meanwhile. */
async function refreshed(engine: Cert, name: string, source: Source): Promise<StoredList | undefined> {
  const key = `crl/${name}`
  try {
    const next = await fetchedList(engine, source.url)
    // Over plain http, anybody between could put the list of another trusted authority, or of other
    // certificates of this one, in its place.
    if (next.source.issuer !== source.issuer || next.source.scope !== source.scope)
      throw new ListError(
        'it is of another authority, or about other certificates (issuing distribution point), than the last one: write its url again to accept that',
      )
    if (next.source.thisUpdate < source.thisUpdate) throw new ListError('it is older than the last one (thisUpdate)')
    await engine.view.transaction(async (tx) => {
      const now = await tx.get(key, crlShape)
      if (now?.source?.url === source.url && now.source.thisUpdate <= next.source.thisUpdate) tx.put(key, next)
    })
    engine.refreshing.after.delete(name)
  } catch (thrown) {
    if (!(thrown instanceof ListError)) throw thrown
    engine.refreshing.after.set(name, engine.clock.now() + pause)
    engine.log.warn('a revocation list could not be fetched again', { name, why: thrown.message })
  }
  return engine.view.get(key, crlShape)
}
