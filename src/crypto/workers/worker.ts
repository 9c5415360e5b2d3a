import { setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { Fault } from '../../contract/fault.ts'
import { jobs } from './jobs.ts'
import { packed, wipeParts } from './message.ts'
import type { WorkerResult } from './thread.ts'

const { nice } = workerData as { readonly nice: number }
// Only on Linux this is the priority of the calling thread; on other systems it would be that of the whole process.
if (nice > 0 && process.platform === 'linux') setPriority(0, nice)

// The program of a thread of `Workers`: one message is one job of the table, and is answered with one message.
parentPort?.on('message', ({ job, input }: { readonly job: keyof typeof jobs; readonly input: unknown }) => {
  try {
    const value = (jobs[job] as (input: unknown) => unknown)(input)
    const { message, transfer } = packed(value)
    parentPort?.postMessage({ value: message } satisfies WorkerResult, transfer)
    wipeParts(value)
  } catch (thrown) {
    const result = thrown instanceof Fault ? { fault: { code: thrown.code, message: thrown.message } } : { thrown }
    parentPort?.postMessage(result satisfies WorkerResult, [])
  } finally {
    wipeParts(input)
  }
})
