import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { body } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'

type Labels = Readonly<Record<string, string>>

/** A value as it is now. */
export interface Gauge {
  readonly name: string
  readonly about: string
  readonly value: number
  readonly labels?: Labels
}

/** Something counted since the process began. */
export type Counter = Gauge

/** Something measured again and again since the process began. */
export interface Sample {
  readonly name: string
  readonly about: string
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  /** How many were at most as large as each bound, and larger than the one before. */
  readonly buckets: readonly { readonly bound: number; readonly count: number }[]
  readonly labels?: Labels
}

/** The metrics of one moment. Names have dots, as `vault.core.unsealed`. */
export interface Measurements {
  /** Epoch milliseconds. */
  readonly at: number
  readonly gauges: readonly Gauge[]
  readonly counters: readonly Counter[]
  readonly samples: readonly Sample[]
}

/** The port of these routes. */
export interface MetricsPort {
  measure(): Promise<Measurements>
  /** Whether they are for everybody, also while the server is sealed. */
  readonly unauthenticated: boolean
}

const { read } = routesOf<unknown>()

/** `sys/metrics`: numbers for monitoring, as JSON or in the text format of Prometheus. */
export function metricsRoutes(port: MetricsPort): Route<unknown>[] {
  return [
    read('metrics', {
      about: 'Numbers for monitoring.',
      returns: body(
        {
          Timestamp: f.string('When they were measured.'),
          Gauges: f.array('Values as they are now.'),
          Points: f.any('Always empty.'),
          Counters: f.array('Sums since the process began.'),
          Samples: f.array('Durations since the process began, milliseconds.'),
        },
        prometheusType,
      ),
      responseUnaudited: true,
      ...(port.unauthenticated && { access: 'public' as const, whenSealed: true }),
      fields: { format: f.string('"prometheus" for its text format. Default: JSON.').or('') },
      handle: async ({ request }, { format }) => {
        const accepted = String(request.headers['accept'] ?? '')
        const wanted = format || (accepted.startsWith('application/openmetrics-text') ? 'prometheus' : 'json')
        if (wanted === 'prometheus') return { text: prometheus(await port.measure()) }
        if (wanted !== 'json') throw refuse('the format of metrics is "prometheus", or none for JSON')
        return { data: json(await port.measure()) }
      },
    }),
  ]
}

/** The members that go-metrics writes, which tools for Vault read. */
const prometheusType = 'text/plain; version=0.0.4; charset=utf-8'

function json({ at, gauges, counters, samples }: Measurements): Record<string, unknown> {
  const visible = (labels: Labels = {}): Labels => labels
  return {
    Timestamp: `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`,
    Gauges: gauges.map(({ name, value, labels }) => ({ Name: name, Value: value, Labels: visible(labels) })),
    Points: [],
    Counters: counters.map(({ name, value, labels }) => ({
      Name: name,
      Count: value,
      Sum: value,
      Min: 1,
      Max: 1,
      Mean: 1,
      Labels: visible(labels),
    })),
    Samples: samples.map(({ name, count, sum, min, max, labels }) => ({
      Name: name,
      Count: count,
      Sum: sum,
      Min: min,
      Max: max,
      Mean: sum / count,
      Labels: visible(labels),
    })),
  }
}

/** Prometheus' text format 0.0.4: each name once with its help and type, followed by its values. */
function prometheus({ gauges, counters, samples }: Measurements): string {
  const families = new Map<string, { readonly head: string; readonly lines: string[] }>()
  const add = (
    type: string,
    { name, about, labels = {} }: Omit<Gauge, 'value'>,
    values: Readonly<Record<string, number>>,
  ) => {
    const bare = name.replace(/[^a-zA-Z0-9_]/g, '_')
    const family = families.get(bare) ?? { head: `# HELP ${bare} ${about}\n# TYPE ${bare} ${type}\n`, lines: [] }
    families.set(bare, family)
    for (const [suffix, value] of Object.entries(values))
      family.lines.push(`${bare}${suffix}${labelText(labels)} ${value}\n`)
  }
  for (const gauge of gauges) add('gauge', gauge, { '': gauge.value })
  for (const counter of counters) add('counter', counter, { '': counter.value })
  for (const sample of samples) {
    let below = 0
    for (const { bound, count } of sample.buckets)
      add('histogram', { ...sample, labels: { ...sample.labels, le: String(bound) } }, { _bucket: (below += count) })
    add('histogram', { ...sample, labels: { ...sample.labels, le: '+Inf' } }, { _bucket: sample.count })
    add('histogram', sample, { _sum: sample.sum, _count: sample.count })
  }
  return [...families.values()].map(({ head, lines }) => head + lines.join('')).join('')
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

const escaped = (value: string): string => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
