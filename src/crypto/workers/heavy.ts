import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { HeavyJobs } from './jobs.ts'
import { Workers } from './pool.ts'

// After compilation, this file and that of the thread are in the same folder.
const spawn = (nice: number) => (): Worker =>
  new Worker(new URL('worker.js', import.meta.url), { name: 'cryptography', workerData: { nice } })

/** Jobs of milliseconds: private operations with large keys, post-quantum signatures, large messages. */
export const heavy = new Workers<HeavyJobs>({
  spawn: spawn(0),
  threads: Math.min(8, Math.max(2, availableParallelism() - 1)),
  inHand: 2,
  waiting: 1024,
  waitingBytes: 64 * 1024 * 1024,
  retryAfter: 1,
})

/**
 * Jobs of seconds, such as RSA keys: on threads of their own, so that those of milliseconds need not wait for them, and
 * with less of the processors than the rest when there is not enough.
 */
export const slow = new Workers<HeavyJobs>({
  spawn: spawn(5),
  threads: 2,
  inHand: 1,
  waiting: 64,
  waitingBytes: 1024 * 1024,
  retryAfter: 10,
})

/** Password hashes. Logins need no token, so they have separate threads, with less of the processors. */
export const hashing = new Workers<HeavyJobs>({
  spawn: spawn(5),
  threads: Math.min(4, Math.max(1, availableParallelism() - 1)),
  inHand: 1,
  waiting: 64,
  waitingBytes: 1024 * 1024,
  retryAfter: 2,
})
