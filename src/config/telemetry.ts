import type { HclValue } from '../util/hcl/values.ts'
import type { Setter, Source } from './source.ts'
import type { TelemetryConfig } from './types.ts'

type Draft = { -readonly [K in keyof TelemetryConfig]?: TelemetryConfig[K] }

const scraped = 'this server sends metrics nowhere: let Prometheus read sys/metrics, and leave it out'

/** A setting that other servers have, for sending metrics. */
const refused =
  (name: string): Setter<Draft> =>
  (source, value) => {
    throw source.wrong(value.at, `${name}: ${scraped}`)
  }

/** A setting that only describes what is so here anyway. */
const fixed =
  (name: string, only: boolean, why: string): Setter<Draft> =>
  (source, value) => {
    if (source.bool(value, name) !== only)
      throw source.wrong(value.at, `${name} = ${!only}: ${why}; write ${only}, or leave it out`)
  }

/** Of Vault's settings those with an effect, and those that say what is so here anyway; the others are refused. */
const settings: Readonly<Record<string, Setter<Draft>>> = {
  usage_gauge_period: (source, value, draft) => {
    const isNone = value.kind === 'string' && value.value === 'none'
    draft.usagePeriod = isNone ? 'none' : source.seconds(value, 'usage_gauge_period')
  },
  metrics_prefix: (source, value, draft) => {
    draft.prefix = source.string(value, 'metrics_prefix')
    if (!/^[a-zA-Z_][a-zA-Z0-9_]{0,63}$/.test(draft.prefix))
      throw source.wrong(value.at, 'metrics_prefix has letters, digits and "_", and begins with no digit')
  },
  prefix_filter: (source, value, draft) => {
    draft.rules = source.list(value, 'prefix_filter').map((rule) => {
      const [, sign, prefix] = /^([+-])(\S+)$/.exec(rule) ?? []
      if (prefix === undefined)
        throw source.wrong(value.at, `prefix_filter: "${rule}" must begin with + or -, such as "-vault.expire"`)
      return { prefix, shown: sign === '+' }
    })
  },
  filter_default: (source, value, draft) => void (draft.shown = source.bool(value, 'filter_default')),
  disable_hostname: fixed('disable_hostname', true, 'metrics have no host name here'),
  enable_hostname_label: fixed('enable_hostname_label', false, 'metrics have no host name here'),
  add_lease_metrics_namespace_labels: fixed(
    'add_lease_metrics_namespace_labels',
    false,
    'metrics name no namespaces, which not every reader of metrics may know',
  ),
  prometheus_retention_time: (source, value) => void source.seconds(value, 'prometheus_retention_time'),
  maximum_gauge_cardinality: (source, value) => void source.integer(value, 'maximum_gauge_cardinality', 1),
  statsd_address: refused('statsd_address'),
  statsite_address: refused('statsite_address'),
  dogstatsd_addr: refused('dogstatsd_addr'),
  circonus_api_token: refused('circonus_api_token'),
  stackdriver_project_id: refused('stackdriver_project_id'),
}

/** `telemetry { … }`. */
export function telemetryOf(source: Source, value: HclValue, before: TelemetryConfig = {}): TelemetryConfig {
  const draft: Draft = { ...before }
  source.each(source.items(value, 'telemetry'), (inner) =>
    source.setting(settings, inner, 'telemetry')(source, inner.value, draft, inner),
  )
  return draft
}
