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
import type { Status } from './response.ts'
import { serversIn } from './servers.ts'
import type { OcspSettings } from './settings.ts'

/** How long the servers have for one certificate, milliseconds. */
const longestWait = 5000

/** The most bytes of a response. */
const largest = 64 * 1024

/** The longest that a status is kept, milliseconds. */
const longestKept = 24 * 3600_000

/** Statuses that are kept at least, as in OpenBao. */
const fewest = 100

/** The most certificates whose status is being asked. Servers that are slow thus hold a bounded number of connections. */
const mostAsked = 64

/** What one login waits for. */
export interface Waiting {
  /** Questions that no server has answered: they are not asked again. */
  readonly unanswered: Set<string>
  /** For all of its questions: many servers that do not answer do not add up. */
  readonly deadline: Deadline
}

/** Asks OCSP servers for the status of certificates, and keeps it until it is to be asked again. */
export class OcspChecker {
  readonly #clock: Clock
  readonly #log: Log
  #kept = recent<string, Status>(fewest)
  #size = fewest
  readonly #asked = new Map<string, Promise<Status>>()

  constructor(clock: Clock, log: Log) {
    this.#clock = clock
    this.#log = log
  }

  /**
   * The status of a certificate; undefined: no server tells it, the log says why. One that was revoked stays so until a server
   * calls it good: otherwise an attacker with `ocsp_fail_open` would only have to wait, and keep the server from answering.
   * @param size statuses to keep
   * @throws Fault unavailable when too many are being asked
   */
  async statusOf(
    certificate: Certificate,
    issuer: Certificate,
    settings: OcspSettings,
    size: number,
    { unanswered, deadline }: Waiting,
  ): Promise<Status['is'] | undefined> {
    this.#resize(size)
    const { servers, queryAll } = settings
    const key = JSON.stringify([issuer.x509.fingerprint256, certificate.x509.fingerprint256, servers, queryAll])
    const kept = this.#kept.get(key)
    if (kept && kept.until > this.#clock.now()) return kept.is
    const wasRevoked = kept?.is === 'revoked'
    if (unanswered.has(key) || deadline.isOver) return wasRevoked ? 'revoked' : undefined
    try {
      const asked = this.#once(key, async () => this.#ask(key, certificate, issuer, settings))
      const { is } = await deadline.within(asked, late)
      return is === 'unknown' && wasRevoked ? 'revoked' : is
    } catch (thrown) {
      if (!(thrown instanceof OcspError)) throw thrown
      this.#log.warn('no OCSP server tells the status of a client certificate', { why: thrown.message })
      unanswered.add(key)
      return wasRevoked ? 'revoked' : undefined
    }
  }

  #resize(size: number): void {
    const wanted = Math.max(size, fewest)
    if (wanted === this.#size) return
    this.#size = wanted
    this.#kept = recent(wanted)
  }

  /** Logins with the same certificate at the same time share one question. */
  async #once(key: string, ask: () => Promise<Status>): Promise<Status> {
    const running = this.#asked.get(key)
    if (running) return running
    if (this.#asked.size >= mostAsked)
      throw new Fault('unavailable', 'too many logins wait for OCSP servers: try again')
    const asked = ask().finally(() => this.#asked.delete(key))
    this.#asked.set(key, asked)
    return asked
  }

  async #ask(key: string, certificate: Certificate, issuer: Certificate, settings: OcspSettings): Promise<Status> {
    const isConfigured = (settings.servers ?? []).length > 0
    const urls = isConfigured ? (settings.servers ?? []) : serversIn(certificate)
    if (urls.length === 0)
      throw new OcspError('the certificate names no OCSP server, and ocsp_servers_override is not set')
    const one = async (url: string, wait: number): Promise<Status> => this.#server(url, wait, certificate, issuer, { ca: settings.ca, elsewhere: !isConfigured }) // prettier-ignore
    const status = await (settings.queryAll ? agreed(urls, one) : firstOf(urls, one))
    const until = Math.min(status.until, this.#clock.now() + longestKept)
    if (status.is !== 'unknown') this.#kept.set(key, { ...status, until })
    return status
  }

  /** @throws OcspError */
  async #server(
    url: string,
    wait: number,
    certificate: Certificate,
    issuer: Certificate,
    { ca, elsewhere }: { readonly ca: string; readonly elsewhere: boolean },
  ): Promise<Status> {
    const asked = { id: certIdOf(certificate, issuer), nonce: randomBytes(32), issuer }
    const bytes = { type: 'application/ocsp-request', content: ocspRequest(asked.id, asked.nonce) }
    const trusted = ca === '' || !url.startsWith('https:') ? '' : [ca, ...rootCertificates].join('\n')
    const headers = { Accept: 'application/ocsp-response' }
    try {
      const response = await Provider.ask(this.#clock, async (provider) => provider.signed({ url, ca: trusted, bytes, headers, most: largest, elsewhere }), wait) // prettier-ignore
      return statusIn(response, asked, this.#clock.now())
    } catch (thrown) {
      if (!(thrown instanceof ProviderError) && !(thrown instanceof OcspError)) throw thrown
      throw new OcspError(`${url}: ${thrown.message}`)
    }
  }
}

const late = { is: undefined }

type AskOne = (url: string, wait: number) => Promise<Status>

/**
 * The first status, in the order of the servers, which share the time. One that does not know the certificate leaves the
 * question to the next one (RFC 6960 §2.2).
 * @throws OcspError when none gives one
 */
async function firstOf(urls: readonly string[], ask: AskOne): Promise<Status> {
  const reasons: string[] = []
  let unknown: Status | undefined
  for (const url of urls)
    try {
      const status = await ask(url, longestWait / urls.length)
      if (status.is !== 'unknown') return status
      unknown ??= status
    } catch (thrown) {
      if (!(thrown instanceof OcspError)) throw thrown
      reasons.push(thrown.message)
    }
  if (unknown) return unknown
  throw new OcspError(reasons.join('; '))
}

/** Revoked when one server says so, good when all do. @throws OcspError otherwise */
async function agreed(urls: readonly string[], ask: AskOne): Promise<Status> {
  const results = await Promise.allSettled(urls.map(async (url) => ask(url, longestWait)))
  const statuses = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const revoked = statuses.find(({ is }) => is === 'revoked')
  if (revoked) return revoked
  for (const one of results) if (one.status === 'rejected') throw one.reason
  const until = Math.min(...statuses.map((one) => one.until))
  return { is: statuses.every(({ is }) => is === 'good') ? 'good' : 'unknown', until }
}
