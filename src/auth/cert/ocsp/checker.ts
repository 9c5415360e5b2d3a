import { randomBytes } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import { Fault } from '../../../contract/fault.ts'
import { recent } from '../../../util/caches/recent.ts'
import type { Clock } from '../../../util/clock.ts'
import { Provider, ProviderError } from '../../../util/http/provider.ts'
import type { Deadline } from '../../../util/http/deadline.ts'
import type { Log } from '../../../util/log.ts'
import type { Certificate } from '../x509/certificate.ts'
import { OcspError } from './ocsp-error.ts'
import { certIdOf, ocspRequest } from './request.ts'
import { statusIn } from './response.ts'
import type { OcspStatus } from './response.ts'
import { serversIn } from './servers.ts'
import type { OcspSettings } from './settings.ts'

/** The time limit of the servers for one certificate, milliseconds. Less than that of a login, whose first query has all of it. */
const longestWait = 4500

/** The maximum size of a response, bytes. */
const largest = 64 * 1024

/** The maximum time that a status is cached, milliseconds. */
const longestCached = 24 * 3600_000

/** The minimum capacity of the cache, as in OpenBao. */
const minCapacity = 100

/** The maximum number of concurrent queries: slow servers hold a bounded number of connections. */
const mostQueries = 64

/** The OCSP queries of one login. */
export interface LoginQueries {
  /** The keys of failed queries: a login does not repeat them. */
  readonly unanswered: Set<string>
  /** For all queries together: the timeouts of several servers do not add up. */
  readonly deadline: Deadline
}

/** Queries OCSP servers for the status of certificates, and caches it. */
export class OcspChecker {
  readonly #clock: Clock
  readonly #log: Log
  #cache = recent<string, OcspStatus>(minCapacity)
  #capacity = minCapacity
  readonly #queries = new Map<string, Promise<OcspStatus>>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /**
   * The status of a certificate; undefined: no server gave one; late: not within the time left of the login, but the next login
   * may have it. The log has the reason. A revoked certificate stays revoked
   * until a server reports it as good. Otherwise, with `ocsp_fail_open`, an attacker would only have to wait until the status
   * expires, and block the server.
   * @param capacity of the cache, statuses
   * @throws Fault unavailable when there are too many concurrent queries
   */
  async statusOf(
    certificate: Certificate,
    issuer: Certificate,
    settings: OcspSettings,
    capacity: number,
    { unanswered, deadline }: LoginQueries,
  ): Promise<OcspStatus['is'] | 'late' | undefined> {
    this.#resize(capacity)
    const { servers, queryAll } = settings
    const key = JSON.stringify([issuer.x509.fingerprint256, certificate.x509.fingerprint256, servers, queryAll])
    const cached = this.#cache.get(key)
    if (cached && cached.until > this.#clock.now()) return cached.is
    const revoked = cached?.is === 'revoked' ? cached.is : undefined
    if (unanswered.has(key)) return revoked
    try {
      const query = this.#once(key, async () => this.#query(key, certificate, issuer, settings))
      const { is } = await deadline.within(query, late)
      if (is === 'late') this.#warn('earlier queries took the time of the login')
      return is === 'good' ? is : (revoked ?? is)
    } catch (thrown) {
      if (!(thrown instanceof OcspError)) throw thrown
      this.#warn(thrown.message)
      unanswered.add(key)
      return revoked
    }
  }

  #warn(why: string): void {
    this.#log.warn('no OCSP server gave the status of a client certificate', { why })
  }

  #resize(configured: number): void {
    const capacity = Math.max(configured, minCapacity)
    if (capacity === this.#capacity) return
    this.#capacity = capacity
    this.#cache = recent(capacity)
  }

  /** Concurrent logins with the same certificate share one query. */
  async #once(key: string, start: () => Promise<OcspStatus>): Promise<OcspStatus> {
    const running = this.#queries.get(key)
    if (running) return running
    if (this.#queries.size >= mostQueries)
      throw new Fault('unavailable', 'too many logins are waiting for OCSP servers: try again')
    const query = start().finally(() => this.#queries.delete(key))
    this.#queries.set(key, query)
    return query
  }

  async #query(
    key: string,
    certificate: Certificate,
    issuer: Certificate,
    settings: OcspSettings,
  ): Promise<OcspStatus> {
    const isConfigured = (settings.servers ?? []).length > 0
    const urls = isConfigured ? (settings.servers ?? []) : serversIn(certificate)
    if (urls.length === 0)
      throw new OcspError('the certificate has no OCSP server, and ocsp_servers_override is not set')
    const queryOne = async (url: string, wait: number): Promise<OcspStatus> => this.#queryServer(url, wait, certificate, issuer, { ca: settings.ca, elsewhere: !isConfigured }) // prettier-ignore
    const status = await (settings.queryAll ? unanimous(urls, queryOne) : firstOf(urls, queryOne))
    const until = Math.min(status.until, this.#clock.now() + longestCached)
    if (status.is !== 'unknown') this.#cache.set(key, { ...status, until })
    return status
  }

  /** @throws OcspError */
  async #queryServer(
    url: string,
    wait: number,
    certificate: Certificate,
    issuer: Certificate,
    { ca, elsewhere }: { readonly ca: string; readonly elsewhere: boolean },
  ): Promise<OcspStatus> {
    const query = { id: certIdOf(certificate, issuer), nonce: randomBytes(32), issuer }
    const bytes = { type: 'application/ocsp-request', content: ocspRequest(query.id, query.nonce) }
    const trusted = ca === '' || !url.startsWith('https:') ? '' : [ca, ...rootCertificates].join('\n')
    const headers = { Accept: 'application/ocsp-response' }
    try {
      const response = await Provider.ask(this.#clock, async (provider) => provider.signed({ url, ca: trusted, bytes, headers, most: largest, elsewhere }), wait) // prettier-ignore
      return statusIn(response, query, this.#clock.now())
    } catch (thrown) {
      if (!(thrown instanceof ProviderError) && !(thrown instanceof OcspError)) throw thrown
      throw new OcspError(`${url}: ${thrown.message}`)
    }
  }
}

const late = { is: 'late' } as const

type QueryServer = (url: string, wait: number) => Promise<OcspStatus>

/**
 * The first status, in order of the servers, which share the time limit. After the status unknown, the next server is queried
 * (RFC 6960 §2.2).
 * @throws OcspError when no server gives a status
 */
async function firstOf(urls: readonly string[], query: QueryServer): Promise<OcspStatus> {
  const reasons: string[] = []
  let unknown: OcspStatus | undefined
  for (const url of urls)
    try {
      const status = await query(url, longestWait / urls.length)
      if (status.is !== 'unknown') return status
      unknown ??= status
    } catch (thrown) {
      if (!(thrown instanceof OcspError)) throw thrown
      reasons.push(thrown.message)
    }
  if (unknown) return unknown
  throw new OcspError(reasons.join('; '))
}

/** Revoked when one server reports it; good when all servers do. @throws OcspError when a server gives no status */
async function unanimous(urls: readonly string[], query: QueryServer): Promise<OcspStatus> {
  const results = await Promise.allSettled(urls.map(async (url) => query(url, longestWait)))
  const statuses = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const revoked = statuses.find(({ is }) => is === 'revoked')
  if (revoked) return revoked
  for (const one of results) if (one.status === 'rejected') throw one.reason
  const until = Math.min(...statuses.map((one) => one.until))
  return { is: statuses.every(({ is }) => is === 'good') ? 'good' : 'unknown', until }
}
