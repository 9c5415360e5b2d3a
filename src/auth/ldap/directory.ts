import { isIP } from 'node:net'
import type { ConnectionOptions } from 'node:tls'
import type { Clock } from '../../util/clock.ts'
import { addressOf } from './address.ts'
import { dereferencing, tlsVersions } from './config.ts'
import type { Config } from './config.ts'
import { Connection } from './wire/connection.ts'
import type { Endpoint } from './wire/connection.ts'
import { DirectoryError } from './wire/directory-error.ts'
import { codeOf, cookieOf, entryOf, messageOf, noObjectCode, resultOf, sizeLimitCode, successCode, tags } from './wire/response.ts' // prettier-ignore
import type { Entry, Message } from './wire/response.ts'

/** A search. */
interface Search {
  readonly base: string
  readonly scope: 'base' | 'sub'
  /** RFC 4515. */
  readonly filter: string
  readonly attributes: readonly string[]
  /** The most entries that are wanted; 0: all. */
  readonly sizeLimit: number
  /** Entries of one page; 0: no pages. */
  readonly pageSize?: number
  /** A missing base is an empty result instead of an error. */
  readonly mayLackBase?: boolean
}

/** The most entries of a search. */
const mostEntries = 10_000

/** Results of a bind that report a fault of the server, not a wrong password: busy, unavailable, or TLS or SASL required. */
const serverFaults = [1, 2, 8, 13, 51, 52, 80]

/** A server of a directory, on one connection. Requests are sent one after the other. */
export class Directory {
  readonly #connection: Connection
  readonly #config: Config
  #id = 1

  private constructor(connection: Connection, config: Config) {
    this.#connection = connection
    this.#config = config
  }

  /**
   * Connects to the first server that can be reached, and runs `work`, whose requests share one time limit.
   * @throws DirectoryError
   */
  static async ask<T>(clock: Clock, config: Config, work: (directory: Directory) => Promise<T>): Promise<T> {
    const connection = await connected(clock, config)
    const timer = clock.after(config.requestTimeout * 1000, () =>
      connection.end(new DirectoryError(`no response within ${config.requestTimeout} seconds`)),
    )
    try {
      return await work(new Directory(connection, config))
    } finally {
      timer.cancel()
      connection.end()
    }
  }

  /**
   * Binds with a name and a password (RFC 4511 section 4.2).
   * @returns whether the server accepts them
   * @throws DirectoryError when the server cannot decide
   */
  async bind(dn: string, password: string): Promise<boolean> {
    // RFC 4513 section 5.1.2: a server would accept everybody.
    if (dn === '' || password === '') throw new DirectoryError('a bind needs a name and a password')
    const { BindRequest } = await import('ldapts')
    const messageId = this.#nextId()
    this.#connection.send(new BindRequest({ messageId, dn, password }).write())
    const { id, tag, code } = resultOf(await this.#connection.next())
    if (id !== messageId || tag !== tags.bindResponse) throw unexpected()
    if (serverFaults.includes(code)) throw new DirectoryError(`the server does not bind (result ${code})`)
    return code === successCode
  }

  /** The entries that a search finds. Referrals are not followed. @throws DirectoryError */
  async search(search: Search): Promise<readonly Entry[]> {
    const found: Entry[] = []
    let cookie: Buffer | undefined
    do {
      cookie = await this.#page(search, cookie, found)
    } while (cookie)
    return found
  }

  async #page(search: Search, cookie: Buffer | undefined, found: Entry[]): Promise<Buffer | undefined> {
    const messageId = this.#nextId()
    this.#connection.send(await requestOf(search, messageId, this.#config, cookie))
    for (;;) {
      const message = messageOf(await this.#connection.next())
      const { id, operation } = message
      if (id !== messageId) throw unexpected()
      if (operation.tag === tags.searchDone) return endOf(search, message)
      if (operation.tag === tags.searchEntry) found.push(entryOf(operation))
      else if (operation.tag !== tags.searchReference) throw unexpected()
      if (found.length > mostEntries) throw new DirectoryError(`a search has more than ${mostEntries} results`)
    }
  }

  #nextId(): number {
    this.#id += 1
    return this.#id
  }
}

const unexpected = (): DirectoryError => new DirectoryError('the response is not one to the request')

function endOf({ sizeLimit, mayLackBase, pageSize }: Search, message: Message): Buffer | undefined {
  const code = codeOf(message.operation)
  if (code === noObjectCode && mayLackBase) return undefined
  if (code !== successCode && !(code === sizeLimitCode && sizeLimit > 0))
    throw new DirectoryError(`a search failed (result ${code})`)
  return pageSize ? cookieOf(message) : undefined
}

async function requestOf(search: Search, messageId: number, config: Config, cookie?: Buffer): Promise<Buffer> {
  const { FilterParser, PagedResultsControl, SearchRequest } = await import('ldapts')
  const { base, scope, filter, attributes, sizeLimit, pageSize = 0 } = search
  const value = { size: pageSize, ...(cookie && { cookie }) }
  return new SearchRequest({
    messageId,
    baseDN: base,
    scope,
    derefAliases: dereferencing[config.dereference],
    filter: FilterParser.parseString(filter),
    attributes: [...attributes],
    sizeLimit,
    timeLimit: config.requestTimeout,
    ...(pageSize > 0 && { controls: [new PagedResultsControl({ value })] }),
  }).write()
}

/** A connection to the first server that gives one. @throws DirectoryError with the reasons of all */
async function connected(clock: Clock, config: Config): Promise<Connection> {
  const reasons: string[] = []
  for (const url of config.urls) {
    let begun: Connection | undefined
    const onTimeout = (): void =>
      begun?.end(new DirectoryError(`no connection within ${config.connectionTimeout} seconds`))
    const timer = clock.after(config.connectionTimeout * 1000, onTimeout)
    try {
      return await Connection.open(endpointOf(url, config), (connection) => (begun = connection))
    } catch (thrown) {
      if (!(thrown instanceof DirectoryError)) throw thrown
      begun?.end()
      reasons.push(`${url}: ${thrown.message}`)
    } finally {
      timer.cancel()
    }
  }
  throw new DirectoryError(reasons.join('; '))
}

/** @throws DirectoryError for an address that no configuration can have */
function endpointOf(url: string, config: Config): Endpoint {
  const address = addressOf(url)
  if (typeof address === 'string') throw new DirectoryError(address)
  const { host, port, isSecure } = address
  const tls = isSecure ? 'at-once' : config.startTls ? 'starttls' : 'never'
  return { host, port, tls, options: tlsOptions(host, config) }
}

/** The certificate is verified, and must be for the host of the address. */
function tlsOptions(host: string, { tlsMin, tlsMax, ca, clientCert, clientKey }: Config): ConnectionOptions {
  return {
    host,
    ...(isIP(host) === 0 && { servername: host }),
    rejectUnauthorized: true,
    minVersion: tlsVersions[tlsMin],
    maxVersion: tlsVersions[tlsMax],
    ...(ca !== '' && { ca }),
    ...(clientCert !== '' && { cert: clientCert, key: clientKey }),
  }
}
