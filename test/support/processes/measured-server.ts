import { openLevelServer } from '../server.ts'
import { worked } from './processor-time.ts'

/** The process of `MeasuredServer`: a server with storage and audit log on disk that reports the longest turn of its event loop. */
const server = await openLevelServer(process.argv[2])
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
