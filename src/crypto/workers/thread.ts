import type { Worker } from 'node:worker_threads'
import { Fault } from '../../contract/fault.ts'
import type { FaultCode } from '../../contract/fault.ts'
import { packed } from './message.ts'

/** One job for a thread, with its deferred result. */
export interface Task {
  readonly job: string
  readonly input: unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (thrown: unknown) => void
}

/** The response of a thread to a job: the result, the Fault, or another error. */
export type WorkerResult =
  | { readonly value: unknown }
  | { readonly fault: { readonly code: FaultCode; readonly message: string } }
  | { readonly thrown: unknown }

/** An event of a thread: a response, or its end. */
interface Events {
  readonly freed: () => void
  readonly exited: () => void
}

/** One worker thread. It responds to its jobs in their order, and keeps the process alive only while it has some. */
export class Thread {
  readonly #worker: Worker
  readonly #tasks: Task[] = []
  #cause: unknown
  #idle: () => void = () => {}

  constructor(worker: Worker, { freed, exited }: Events) {
    this.#worker = worker
    worker.unref()
    worker.on('message', (result: WorkerResult) => {
      settle(this.#tasks.shift(), result)
      if (this.#tasks.length === 0) this.#rest()
      freed()
    })
    worker.on('error', (cause) => (this.#cause = cause))
    worker.on('exit', () => {
      const message = 'the thread that did this ended before it was done: nothing was changed, try again'
      for (const { reject } of this.#tasks.splice(0)) reject(new Fault('internal', message, { cause: this.#cause }))
      this.#idle()
      exited()
    })
  }

  /** How many jobs it has in hand. */
  get load(): number {
    return this.#tasks.length
  }

  give(task: Task): void {
    try {
      const { message, transfer } = packed(task.input)
      this.#worker.postMessage({ job: task.job, input: message }, transfer)
    } catch (cause) {
      return task.reject(cause)
    }
    if (this.#tasks.push(task) === 1) this.#worker.ref()
  }

  /** Ends the thread after its current jobs. */
  async end(): Promise<void> {
    if (this.#tasks.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    await this.#worker.terminate()
  }

  #rest(): void {
    this.#worker.unref()
    this.#idle()
  }
}

function settle(task: Task | undefined, result: WorkerResult): void {
  if ('value' in result) task?.resolve(result.value)
  else if ('fault' in result) task?.reject(new Fault(result.fault.code, result.fault.message))
  else task?.reject(result.thrown)
}
