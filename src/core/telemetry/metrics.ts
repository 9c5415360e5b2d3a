import { basename } from 'node:path'
import type { AuditMetrics } from '../../audit/metrics.ts'
import { product } from '../../util/version.ts'
import type { SealState } from '../seal/seal-health.ts'
import type { ScheduledMeasure } from '../snapshots/scheduled/scheduled-snapshots.ts'
import { backupCounters, backupGauges } from './backup-gauges.ts'
import type { Delay } from './loop-delay.ts'
import { bounds } from './traffic.ts'
import type { Traffic } from './traffic.ts'
import type { Usage } from './usage.ts'

/** What is measured at one moment. */
interface Measured {
  readonly traffic: Traffic
  readonly logs: readonly AuditMetrics[]
  readonly isUnsealed: boolean
  /** Key shares submitted for the unseal. */
  readonly unsealProgress: number
  readonly seals: readonly SealState[]
  readonly loopDelay: Delay
  readonly storage: { readonly free?: number; readonly total?: number; readonly writable: number } | undefined
  /** Epoch milliseconds. */
  readonly certificates: readonly { readonly file: string; readonly notAfter: number }[]
  /** Undefined while it is not known. */
  readonly usage: Usage | undefined
  /** Jobs that wait for a thread, by pool; commits that wait for the storage. */
  readonly queues: { readonly workers: Readonly<Record<string, number>>; readonly storage: number | undefined }
  readonly backups: readonly ScheduledMeasure[]
  readonly at: number
}

/** The numbers of `sys/metrics`, with Vault's names if Vault has them. */
export function measure(measured: Measured) {
  const { traffic, logs, backups, at, isUnsealed, unsealProgress } = measured
  const handled = traffic.handled()
  const gauge = (name: string, about: string, value: number) => ({ name: `vault.${name}`, about, value })
  return {
    at,
    gauges: [
      gauge('core.unsealed', 'Whether the server is unsealed.', isUnsealed ? 1 : 0),
      gauge('core.unseal_progress', 'Key shares submitted for an unseal that needs more of them.', unsealProgress),
      {
        ...gauge('build_info', 'The release, always 1.', 1),
        labels: { version: product.release, api: product.version, node: process.version },
      },
      gauge('core.active', 'Whether this node is the active one: unsealed.', isUnsealed ? 1 : 0),
      gauge('core.in_flight_requests', 'Requests in progress.', traffic.inFlight().length),
      ...measured.seals.flatMap((seal) => sealGauges(seal, at)),
      ...processGauges(measured),
      ...storageGauges(measured),
      ...usageGauges(measured),
      ...queueGauges(measured),
      ...certificateGauges(measured),
      ...logs.flatMap(auditGauges),
      ...backups.flatMap(backupGauges),
    ],
    counters: [
      ...logs.flatMap(auditCounters),
      ...backups.flatMap(backupCounters),
      ...handled.map(({ operation, outcome, count }) => ({
        name: 'vault.core.requests',
        about: 'Requests since the process began, by operation and outcome.',
        value: count,
        labels: { operation, outcome },
      })),
    ],
    samples: handled.map(({ operation, outcome, count, sum, min, max, buckets }) => ({
      name: 'vault.core.handle_request',
      about: 'Milliseconds from the parsed request to its response, including audit lines.',
      count,
      sum,
      min,
      max,
      buckets: buckets.map((inBucket, index) => ({ bound: bounds[index] as number, count: inBucket })),
      labels: { operation, outcome },
    })),
  }
}

function sealGauges({ name, type, healthy, unhealthySince = 0, checkTime }: SealState, at: number) {
  const labels = { name, type }
  const gauge = (what: string, about: string, value: number) => ({ name: `vault.seal.${what}`, about, value, labels })
  return [
    gauge('healthy', 'Whether a seal would unseal the server now.', healthy ? 1 : 0),
    gauge(
      'unreachable.time',
      'Milliseconds since a seal has not worked; 0: it works.',
      healthy ? 0 : at - unhealthySince,
    ),
    ...(checkTime === undefined
      ? []
      : [gauge('check.time', 'Milliseconds that the last check of a seal took.', checkTime)]),
  ]
}

function processGauges({ loopDelay }: Measured) {
  const { heapUsed, rss } = process.memoryUsage()
  return [
    ['alloc_bytes', 'Memory used by objects.', heapUsed],
    ['sys_bytes', 'Memory that the process has of the machine.', rss],
    ['uptime_seconds', 'How long the process has run.', Math.floor(process.uptime())],
    [
      'event_loop_delay_p99_seconds',
      'How long work waited for the event loop in the last minutes, 99th percentile.',
      loopDelay.p99,
    ],
    [
      'event_loop_delay_max_seconds',
      'How long work waited for the event loop in the last minutes, at most.',
      loopDelay.max,
    ],
  ].map(([name, about, value]) => ({ name: `vault.runtime.${name}`, about: String(about), value: Number(value) }))
}

function storageGauges({ storage }: Measured) {
  const gauge = (name: string, about: string, value: number | undefined) =>
    value === undefined ? [] : [{ name: `vault.storage.${name}`, about, value }]
  return [
    ...gauge('free_bytes', 'Room that is left on the disk of the storage.', storage?.free),
    ...gauge('total_bytes', 'Size of the disk of the storage.', storage?.total),
    ...gauge(
      'writable',
      'Whether the storage can be written: 0 when it is read-only or almost full.',
      storage?.writable,
    ),
  ]
}

function usageGauges({ usage }: Measured) {
  if (!usage) return []
  const gauge = (name: string, about: string, value: number) => ({ name: `vault.${name}`, about, value })
  return [
    gauge('token.count', 'Service tokens in all namespaces.', usage.tokens),
    gauge('expire.num_leases', 'Leases in all namespaces.', usage.leases),
    gauge('identity.num_entities', 'Entities in all namespaces.', usage.entities),
  ]
}

function queueGauges({ queues, logs }: Measured) {
  const gauge = (name: string, about: string, value: number, labels?: Readonly<Record<string, string>>) => ({
    name: `vault.${name}`,
    about,
    value,
    ...(labels && { labels }),
  })
  const storage = queues.storage === undefined ? [] : [gauge('storage.queue_length', 'Commits that wait for the storage.', queues.storage)] // prettier-ignore
  const workers = Object.entries(queues.workers).map(([pool, length]) =>
    gauge('runtime.worker_queue_length', 'Jobs that wait for a thread.', length, { pool }),
  )
  const audit = logs.map(({ path, waiting }) =>
    gauge('audit.log.queue_length', 'Lines that wait for a write of an audit device.', waiting, { path }),
  )
  return [...storage, ...workers, ...audit]
}

/** Of files with one name, the first that expires: a path of the host is for its operators, not for all who may read metrics. */
function certificateGauges({ certificates }: Measured) {
  const ends = new Map<string, number>()
  for (const { file, notAfter } of certificates) {
    const name = basename(file)
    ends.set(name, Math.min(notAfter, ends.get(name) ?? Infinity))
  }
  return [...ends].map(([file, notAfter]) => ({
    name: 'vault.tls.certificate_expiry_seconds',
    about: 'When the certificate of a listener expires, seconds since 1970.',
    value: Math.floor(notAfter / 1000),
    labels: { file },
  }))
}

function auditGauges({ path, size, free, total, full }: AuditMetrics) {
  const labels = { path }
  const gauge = (name: string, about: string, value: number | undefined) =>
    value === undefined ? [] : [{ name: `vault.audit.log.${name}`, about, value, labels }]
  return [
    ...gauge('lines', 'Number of the last line of the log of an audit device.', size),
    ...gauge('free_bytes', 'Room that is left on the disk of the log.', free),
    ...gauge('total_bytes', 'Size of the disk of the log.', total),
    ...gauge('full', 'Whether requests are refused because the disk of the log is full.', full),
  ]
}

function auditCounters({ path, failures, lost, disturbed }: AuditMetrics) {
  const labels = { path }
  const counter = (name: string, about: string, value: number) => ({ name: `vault.audit.log.${name}`, about, value, labels }) // prettier-ignore
  return [
    counter('failures', 'Writes and syncs of an audit device that failed.', failures),
    counter('lost', 'Lines that the device did not write and that are not in a gap line yet.', lost),
    counter('disturbed', 'How often another process moved or changed the live file.', disturbed),
  ]
}
