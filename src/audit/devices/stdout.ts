import type { AuditDevice, AuditTail } from '../../contract/audit.ts'

/** Lines on standard output. Each start begins a chain of its own. */
export class StdoutDevice implements AuditDevice {
  readonly type = 'file'
  readonly target = 'stdout'
  readonly alwaysSync = false

  async open(): Promise<AuditTail> {
    return {}
  }

  /** Never blocks the process when the reader of a pipe is slow; the broker limits the wait. */
  write(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      process.stdout.write(text, (failed) => (failed ? reject(failed) : resolve()))
    })
  }

  async sync(): Promise<void> {}
  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
}
