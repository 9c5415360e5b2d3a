/** Where audit lines go: a file, later sockets, syslog, HTTP. */
export interface AuditDevice {
  readonly type: string
  /**
   * Takes lines (each without a line feed) in order; resolves when all are with the kernel (`sync`: on disk).
   * @throws when they cannot be written; the device has then failed and tries afresh at the next call.
   */
  append(lines: readonly string[], sync: boolean): Promise<void>
  /** Opens its target again (log rotation, SIGHUP). */
  reopen(): Promise<void>
  close(): Promise<void>
}
