import type { AuditMetrics } from '../../audit/metrics.ts'
import type { Traffic } from './traffic.ts'

/** The numbers of `sys/metrics`, with Vault's names if Vault has them. */
export function measure(traffic: Traffic, logs: readonly AuditMetrics[], at: number) {
  const handled = traffic.handled()
  const { heapUsed, rss } = process.memoryUsage()
  const gauge = (name: string, about: string, value: number) => ({ name: `vault.${name}`, about, value })
  return {
    at,
    gauges: [
      gauge('core.unsealed', 'Whether the server is unsealed: present only while it is.', 1),
      gauge('core.active', 'Whether this node is the active one.', 1),
      gauge('core.in_flight_requests', 'Requests in progress.', traffic.inFlight().length),
      gauge('runtime.alloc_bytes', 'Memory used by objects.', heapUsed),
      gauge('runtime.sys_bytes', 'Memory that the process has of the machine.', rss),
      gauge('runtime.uptime_seconds', 'How long the process has run.', Math.floor(process.uptime())),
      ...logs.flatMap(auditGauges),
    ],
    counters: [
      ...logs.flatMap(auditCounters),
      ...handled.map(({ operation, outcome, count }) => ({
        name: 'vault.core.requests',
        about: 'Requests since the process began, by operation and outcome.',
        value: count,
        labels: { operation, outcome },
      })),
    ],
    samples: handled.map(({ operation, outcome, count, sum, min, max }) => ({
      name: 'vault.core.handle_request',
      about: 'Milliseconds from the parsed request to its response, including audit lines.',
      count,
      sum,
      min,
      max,
      labels: { operation, outcome },
    })),
  }
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
