import { monitorEventLoopDelay } from 'node:perf_hooks'
import { EncryptedBarrier } from '../src/barrier/barrier.ts'
import { randomBytes } from '../src/crypto/random.ts'
import { MemoryStorage } from '../src/storage/memory.ts'
import { systemClock } from '../src/util/clock.ts'
import { machine, median } from './measure.ts'

/** Listing 100,000 encrypted names under one prefix: time and the longest hold of the event loop. Aim: 2 s, 50 ms. */
const barrier = new EncryptedBarrier({ storage: new MemoryStorage(), clock: systemClock, random: randomBytes })
const root = randomBytes(32)
await barrier.initialise(root, [])
await barrier.unseal(root)
const view = barrier.view('many/')
for (let from = 0; from < 100_000; from += 100)
  await view.transaction(async (tx) => {
    for (let at = from; at < from + 100; at++) tx.put(`name-${at}`, 1)
  })
const [times, holds]: [number[], number[]] = [[], []]
for (let round = 0; round < 5; round++) {
  barrier.seal()
  await barrier.unseal(root)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const begun = performance.now()
  await view.list('')
  times.push(performance.now() - begun)
  delay.disable()
  holds.push(delay.max / 1e6)
}
console.log(
  `${machine()}\nlist of 100,000 names, cold: median ${median(times).toFixed(0)} ms, longest hold of the loop (median of maxima) ${median(holds).toFixed(1)} ms`,
)
