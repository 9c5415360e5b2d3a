import { Fault } from '../contract/fault.ts'

/** A deferred promise; its rejection need not be handled. */
export class Deferred {
  readonly promise: Promise<void>
  resolve!: () => void
  reject!: (why: Fault) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }))
    this.promise.catch(() => {})
  }
}

/** The lines of one event-loop turn: they are one write, and all requests that wait for it continue together. */
export class Batch {
  readonly lines: string[] = []
  readonly written = new Deferred()
  synced: Deferred | undefined

  fail(why: Fault): void {
    this.written.reject(why)
    this.synced?.reject(why)
  }
}

/** The error when no device took a request's line. */
export function notAudited(cause?: unknown): Fault {
  const message =
    'the request could not be written to the audit log: check the disk space and the audit devices, then try again'
  return new Fault('internal', message, { cause })
}

/** The error while the disk is full. */
export function diskFull(): Fault {
  const message =
    'the disk of the audit log is full, so nothing was done: free space there; the server goes on by itself'
  return new Fault('unavailable', message)
}
