import { cpus } from 'node:os'

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? NaN
}

/** The machine of the measurement. */
export function machine(): string {
  return `${cpus()[0]?.model ?? 'unknown'} x ${cpus().length}, node ${process.version}`
}
