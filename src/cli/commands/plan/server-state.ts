import type { Json } from '../../../util/json.ts'
import type { EvaluatedRequest } from '../../../profile/run.ts'
import { plain } from '../../../profile/evaluate.ts'
import type { Client } from '../../http/client.ts'
import { UsageError } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import { member } from './differences.ts'

/** What the server has at a path; `unreadable`: the path takes writes only. */
export type Current = Json | undefined | 'unreadable'

/** The token of a request that has its own. */
export function tokenOf({ token }: Pick<EvaluatedRequest, 'token'>): { readonly token?: string } {
  return token === undefined ? {} : { token: String(plain(token)) }
}

/** Reads the state of a server; tables of mounts once. */
export class ServerState {
  readonly #client: Client
  readonly #tables = new Map<string, Promise<Json>>()

  constructor(client: Client) {
    this.#client = client
  }

  /** @throws ServerError unless it is there, absent, or of a kind that cannot be read */
  async at(path: string, options: { readonly token?: string } = {}): Promise<Current> {
    try {
      const { status, body } = await this.#client.send('GET', path, undefined, options)
      if (body?.['wrap_info']) throw new UsageError('a wrapped response cannot be compared: leave -wrap-ttl out')
      if (!body) throw new ServerError(`the server sent nothing for ${path}: it cannot be compared`)
      const data = body['data'] ?? body
      return status === 404 || typeof data !== 'object' || data === null ? undefined : (data as Json)
    } catch (thrown) {
      if (!(thrown instanceof ServerError)) throw thrown
      if (thrown.status === 405 || thrown.isUnsupported) return 'unreadable'
      if (thrown.status === 404) return undefined
      throw thrown
    }
  }

  /** The mounts, login methods or audit devices of a namespace by their path with a slash at its end. */
  async table(path: string): Promise<Json> {
    const found = this.#tables.get(path)
    if (found) return found
    const reading = this.at(path).then((data) => (typeof data === 'object' ? data : {}))
    this.#tables.set(path, reading)
    return reading
  }

  /** Whether the API begins behind this path, which ends with a slash: the names in a secrets engine may look like those of the API. */
  async isNamespace(path: string): Promise<boolean> {
    if (path === '') return true
    try {
      const system = member(await this.table(`${path}sys/mounts`), 'sys/')
      return String(member(Object(system) as object, 'type')).endsWith('system')
    } catch (thrown) {
      if (thrown instanceof ServerError) return false
      throw thrown
    }
  }

  /** The names below a path; none when there are none. */
  async names(path: string): Promise<readonly string[]> {
    try {
      const { body } = await this.#client.send('GET', path, undefined, { query: { list: true } })
      const { keys } = (body?.['data'] ?? {}) as { readonly keys?: unknown }
      return Array.isArray(keys) ? keys.map(String) : []
    } catch (thrown) {
      if (thrown instanceof ServerError && (thrown.status === 404 || thrown.status === 405)) return []
      throw thrown
    }
  }
}
