import { monitorEventLoopDelay } from 'node:perf_hooks'
import { openLevelServer } from './server.ts'

/** What `MeasuredServer` starts: a server with storage and audit log on disk that tells its parent the longest turn of its event loop. */
const server = await openLevelServer()
const meter = monitorEventLoopDelay({ resolution: 1 })
meter.enable()
process.on('message', (word) => {
  // One more turn: what held the loop last has been counted then.
  setTimeout(() => {
    const longest = meter.max / 1e6
    if (word === 'begin') meter.reset()
    process.send?.(longest)
  }, 5)
})
process.on('disconnect', () => void server.running.stop().then(() => process.exit()))
process.send?.({ address: server.running.address, token: server.token })
