import { existsSync, readFileSync } from 'node:fs'

const schedule = '/proc/self/schedstat'

/** Processor time of the main thread in milliseconds. Where the kernel measures it, waiting for a processor does not count. */
export const worked = existsSync(schedule)
  ? (): number => Number(readFileSync(schedule, 'latin1').split(' ')[0]) / 1e6
  : (): number => performance.now()
