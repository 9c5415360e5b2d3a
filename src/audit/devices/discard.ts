import type { AuditDevice, AuditTail } from '../../contract/audit.ts'

/** Discards all lines: for measurements, and in addition to another device. */
export class DiscardDevice implements AuditDevice {
  readonly type = 'file'
  readonly target = undefined
  readonly alwaysSync = false

  async open(): Promise<AuditTail> {
    return {}
  }

  write(): void {}
  async sync(): Promise<void> {}
  async reopen(): Promise<void> {}
  async close(): Promise<void> {}
}
