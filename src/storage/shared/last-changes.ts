import type { Change, Op, Rev } from '../../contract/storage.ts'

/** The outcome for each key when these operations are written in this order. */
export function lastOf(ops: readonly { readonly op: Op; readonly rev: Rev }[]): Iterable<Change> {
  const last = new Map<string, Change>()
  for (const { op, rev } of ops) {
    const key = 'put' in op ? op.put : op.del
    last.set(key, { key, value: 'put' in op ? op.value : undefined, rev })
  }
  return last.values()
}
