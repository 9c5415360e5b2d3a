import { existsSync, readFileSync } from 'node:fs'
import { openLevelServer } from './server.ts'

/** What `MeasuredServer` starts: a server with storage and audit log on disk that tells its parent the longest turn of its event loop. */
const server = await openLevelServer()
const schedule = '/proc/self/schedstat'

/** How long this thread has worked, in milliseconds. Waiting for a processor that others have does not count where the kernel tells. */
const worked = existsSync(schedule)
  ? (): number => Number(readFileSync(schedule, 'latin1').split(' ')[0]) / 1e6
  : (): number => performance.now()

let [longest, before] = [0, worked()]
const look = (): void => {
  const now = worked()
  longest = Math.max(longest, now - before)
  before = now
}
setInterval(look, 1)
process.on('message', (word) => {
  if (word === 'memory') {
    globalThis.gc?.()
    const { rss, heapUsed, external } = process.memoryUsage()
    const peak = process.resourceUsage().maxRSS * 1024
    return void process.send?.({
      rss,
      peak,
      held: heapUsed + external,
      handles: process.getActiveResourcesInfo().length,
    })
  }
  // One more turn: what held the loop last has been counted then.
  setTimeout(() => {
    look()
    process.send?.(longest)
    if (word === 'begin') longest = 0
  }, 5)
})
process.on('disconnect', () => void server.running.stop().then(() => process.exit()))
process.send?.({ address: server.running.address, token: server.token })
