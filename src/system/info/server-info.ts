import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Operation } from '../../contract/request.ts'
import { answer } from '../../contract/response.ts'
import { body, injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { rfc3339 } from '../../util/clock.ts'
import { product } from '../../util/version.ts'
import { hostInfo } from './host.ts'

/** The server, for these routes. Times are epoch milliseconds. */
export interface ServerInfoPort {
  now(): number
  readonly hostname: string
  /** `api_addr` of the configuration. */
  readonly apiAddress: string
  /** The folder of the storage, if it is on a disk. */
  readonly storagePath: string | undefined
  /** The configuration, without anything secret. */
  readonly settings: Readonly<Record<string, unknown>>
  versions(): Promise<readonly { readonly version: string; readonly buildDate: string; readonly installedAt: number }[]>
  inFlight(): readonly {
    readonly request: {
      readonly id: string
      readonly path: string
      readonly operation: Operation
      readonly client: { readonly address: string }
    }
    readonly since: number
  }[]
}

const { read, list } = routesOf<unknown>()

/** The routes about the server, its machine and its work. */
export function serverInfoRoutes(port: ServerInfoPort): Route<unknown>[] {
  return [
    read('ha-status', {
      about: 'The nodes of the cluster: there is one.',
      returns: injected({ nodes: f.array('The nodes.') }),
      handle: () => ({ data: { nodes: [node(port)] } }),
    }),
    read('host-info', {
      about: 'Processors, memory, disk and operating system of the machine.',
      returns: {
        timestamp: f.string('When this was measured.'),
        cpu: f.array('The processors.'),
        cpu_times: f.array('Their times, seconds.'),
        disk: f.array('The file system of the storage; empty: the storage is in memory.'),
        host: f.object('Name, uptime and operating system.'),
        memory: f.object('Memory in bytes.'),
      },
      rootOnly: true,
      handle: async () => answer(await hostInfo(port.now(), port.storagePath)),
    }),
    read('in-flight-req', {
      about: 'The requests in progress.',
      returns: body({ '*': f.map('Time, path and client of a request, by its id.') }),
      rootOnly: true,
      handle: () => ({ data: requestsOf(port) }),
    }),
    list('version-history', {
      about: 'The releases that have run on this storage.',
      returns: { keys: f.list('The releases.'), key_info: f.object('When each one was first started.') },
      handle: async () => answer(historyOf(await port.versions())),
    }),
    read('config/state/sanitized', {
      about: 'The configuration in force, without anything secret.',
      returns: { '*': f.any('Settings, by their names in the configuration file.') },
      rootOnly: true,
      handle: () => answer(port.settings),
    }),
  ]
}

/** The namespace of the request, for these routes. */
export interface CounterPort {
  /** How many service tokens it has. */
  tokens(): Promise<number>
  entities(): Promise<number>
}

type Has = { readonly counters: CounterPort }
const counting = routesOf<Has>()

/** `sys/internal/counters`. */
export function counterRoutes(): Route<Has>[] {
  return [
    counting.read('internal/counters/tokens', {
      about: 'The number of service tokens in the namespace.',
      returns: { counters: f.object('`service_tokens.total`.') },
      handle: async ({ engine }) => answer({ counters: { service_tokens: { total: await engine.counters.tokens() } } }),
    }),
    counting.read('internal/counters/entities', {
      about: 'The number of entities in the namespace.',
      returns: { counters: f.object('`entities.total`.') },
      handle: async ({ engine }) => answer({ counters: { entities: { total: await engine.counters.entities() } } }),
    }),
  ]
}

function node({ hostname, apiAddress }: ServerInfoPort): Readonly<Record<string, unknown>> {
  return {
    hostname,
    api_address: apiAddress,
    cluster_address: '',
    active_node: true,
    last_echo: null,
    version: product.version,
    upgrade_version: product.version,
    redundancy_zone: '',
  }
}

const verbs: Readonly<Record<Operation, string>> = {
  read: 'GET',
  list: 'LIST',
  scan: 'SCAN',
  write: 'POST',
  patch: 'PATCH',
  delete: 'DELETE',
  help: 'GET',
}

function requestsOf(port: ServerInfoPort): Readonly<Record<string, unknown>> {
  const now = port.now()
  return Object.fromEntries(
    port.inFlight().map(({ request, since }) => [
      request.id,
      {
        start_time: rfc3339(since),
        client_remote_address: request.client.address,
        request_path: `/v1/${request.path}`,
        request_method: verbs[request.operation],
        in_flight_time: `${now - since}ms`,
      },
    ]),
  )
}

function historyOf(versions: Awaited<ReturnType<ServerInfoPort['versions']>>): Record<string, unknown> {
  if (versions.length === 0) throw new Fault('not_found', 'no release is recorded')
  return {
    keys: versions.map(({ version }) => version),
    key_info: Object.fromEntries(
      versions.map(({ version, buildDate, installedAt }, at) => [
        version,
        {
          timestamp_installed: new Date(installedAt).toISOString().replace(/\.\d+/, ''),
          commit_date: buildDate,
          previous_version: versions[at - 1]?.version ?? null,
        },
      ]),
    ),
  }
}
