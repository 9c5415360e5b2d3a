import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import { membersOf } from '../../output/json.ts'

/** A request. An answer without `member` is none. */
interface Asked {
  readonly path: string
  readonly member?: string
  readonly query?: Readonly<Record<string, string>>
}

/** What a bundle can have: its file, the requests for it, and whether it is asked again and again. */
export interface Target {
  readonly name: string
  readonly file: string
  readonly asked: readonly Asked[]
  readonly repeats: false | 'interval' | 'metrics-interval'
  /** @throws ServerError for an answer that is none */
  readonly shape?: (answer: Json) => unknown
}

/** The state is in the answer of `sys/health`, and not an error. */
const health: Asked = {
  path: 'sys/health',
  member: 'initialized',
  query: { standbyok: 'true', sealedcode: '200', uninitcode: '200' },
}

/** Everything that is collected, by the names of Vault's command. */
export const targets: readonly Target[] = [
  { name: 'config', file: 'config.json', asked: [{ path: 'sys/config/state/sanitized', member: 'log_level' }], repeats: false }, // prettier-ignore
  { name: 'host', file: 'host_info.json', asked: [{ path: 'sys/host-info', member: 'memory' }], repeats: 'interval' },
  { name: 'requests', file: 'requests.json', asked: [{ path: 'sys/in-flight-req' }], repeats: 'interval', shape: withoutPaths }, // prettier-ignore
  { name: 'metrics', file: 'metrics.json', asked: [{ path: 'sys/metrics', member: 'Gauges' }], repeats: 'metrics-interval' }, // prettier-ignore
  { name: 'replication-status', file: 'replication_status.json', asked: [{ path: 'sys/ha-status', member: 'nodes' }], repeats: 'interval' }, // prettier-ignore
  { name: 'server-status', file: 'server_status.json', asked: [health, { path: 'sys/seal-status', member: 'sealed' }], repeats: 'interval' }, // prettier-ignore
]

/** Targets of Vault's command that are left out, and why. */
export const missing: Readonly<Record<string, string>> = {
  log: 'the server does not hand out its log; add it yourself: journalctl -u strongroom, or the file of log_file',
  pprof: 'this server has no profiles; sys/metrics has the delay of the event loop and the queues',
}

/** Somebody may have put a secret where a path belongs: only the mount is kept. The request that asks is there at least. */
function withoutPaths(answer: Json): unknown {
  const requests = membersOf(answer['data'] ?? answer)
  if (requests.length === 0 || !requests.every(([, request]) => isRequest(request)))
    throw new ServerError('the server answered without the requests in progress')
  return Object.fromEntries(
    requests.map(([id, request]) => {
      const { request_path: path, ...rest } = request as Readonly<Record<string, unknown>>
      const [, version = '', mount = ''] = String(path).split('/')
      return [id, { ...rest, request_path: `/${version}/${mount}/…` }]
    }),
  )
}

const isRequest = (value: unknown): boolean => typeof value === 'object' && value !== null && 'request_path' in value

const secret = /token$|secret|password|passphrase|private|credential|authorization|^pin$|^key$/i

/** An answer without the values of members that could be secrets: no target has any, and this holds if one gets some. */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted)
  if (typeof value !== 'object' || value === null || !isRecord(value)) return value
  return Object.fromEntries(
    membersOf(value).map(([name, member]) => [
      name,
      secret.test(name) && typeof member === 'string' && member !== '' ? '(left out)' : redacted(member),
    ]),
  )
}

/** An object or a map, and no number of another kind. */
const isRecord = (value: object): boolean => value instanceof Map || Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null // prettier-ignore
