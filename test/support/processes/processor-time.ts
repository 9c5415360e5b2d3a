import { existsSync, readFileSync } from 'node:fs'

const schedule = '/proc/self/schedstat'

/** How long the main thread has worked, in milliseconds. Waiting for a processor that others have does not count where the kernel tells. */
export const worked = existsSync(schedule)
  ? (): number => Number(readFileSync(schedule, 'latin1').split(' ')[0]) / 1e6
  : (): number => performance.now()
