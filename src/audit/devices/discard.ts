import type { AuditDevice, AuditTail } from '../../contract/audit.ts'

/** Keeps nothing: for measurements, and beside another device. */
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
