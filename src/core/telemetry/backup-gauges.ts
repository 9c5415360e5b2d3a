import type { ScheduledMeasure } from '../snapshots/scheduled/scheduled-snapshots.ts'

const name = (rest: string): string => `vault.autosnapshots.${rest}`

/** Gauges of the scheduled snapshots, with Vault's names if Vault has them. */
export function backupGauges({ config, age, interval, state, maxSpace }: ScheduledMeasure) {
  const gauge = (rest: string, about: string, value: number | undefined) =>
    value === undefined ? [] : [{ name: name(rest), about, value, labels: { snapshot_config_name: config } }]
  const used = (state?.kept ?? []).reduce((sum, { size }) => sum + size, 0)
  return [
    ...gauge('age_seconds', 'Since when no scheduled snapshot was saved and read back.', Math.floor(age / 1000)),
    ...gauge('interval_seconds', 'The time between two scheduled snapshots.', interval / 1000),
    ...gauge('last.success.time', 'When the last good scheduled snapshot was begun, seconds since 1970.', state?.good && Math.floor(state.good.at / 1000)),
    ...gauge('last_duration_seconds', 'How long the last good scheduled snapshot took.', state?.good && state.took / 1000),
    ...gauge('last_size_bytes', 'The size of the last good scheduled snapshot.', state?.good?.size),
    ...gauge('kept', 'Scheduled snapshots that are kept.', state?.kept.length ?? 0),
    ...gauge('percent.maxspace.used', 'How much of local_max_space the snapshots that are kept need.', maxSpace && (100 * used) / maxSpace),
  ] // prettier-ignore
}

/** Their counters. */
export function backupCounters({ config, failures }: ScheduledMeasure) {
  return [
    {
      name: name('save.errors'),
      about: 'Scheduled snapshots that failed since the process began.',
      value: failures,
      labels: { snapshot_config_name: config },
    },
  ]
}
