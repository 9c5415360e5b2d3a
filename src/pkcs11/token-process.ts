// A process that asks a token one thing. The libraries of HSMs are native code of others: here they can neither crash nor hang the server.
import koffi from 'koffi'
import type { TokenJob } from './job.ts'
import { perform } from './perform.ts'

/** On Linux: no dump of the memory, and no life after the server's, even inside of a library that hangs. */
function harden(): void {
  if (process.platform !== 'linux') return
  const prctl = koffi.load(null).func('prctl', 'int', ['int', 'ulong'])
  const [parentDeathSignal, dumpable, kill] = [1, 4, 9]
  prctl(dumpable, 0)
  prctl(parentDeathSignal, kill)
}

process.umask(0o077)
harden()
process.once('disconnect', () => process.exit())
process.once('message', (job) => {
  process.send?.(perform(job as TokenJob), () => process.exit())
})
