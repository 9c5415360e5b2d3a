/** Metrics of an audit device; sizes only where it has files. */
export interface AuditMetrics {
  readonly path: string
  readonly size?: number
  readonly free?: number
  readonly total?: number
  /** 1: the disk is full. */
  readonly full?: number
  readonly failures: number
  readonly lost: number
  readonly disturbed: number
  /** Lines that wait for the write in progress. */
  readonly waiting: number
}
