import { restoredKey } from '../../contract/barrier.ts'
import { Fault } from '../../contract/fault.ts'
import type { Entry, StorageSnapshot } from '../../contract/storage.ts'
import { isRecordKey } from '../../snapshot/records.ts'

/**
 * What a snapshot has: all records, but the note of the last restore.
 * @throws Fault precondition_failed for a record of a kind that this release does not store: it would be missing after a restore
 */
export function savedRecords(snapshot: Pick<StorageSnapshot, 'entries'>): () => AsyncGenerator<readonly Entry[]> {
  return async function* () {
    for await (const page of snapshot.entries()) {
      const kept = page.filter(({ key }) => key !== restoredKey)
      if (kept.some(({ key }) => !isRecordKey(key))) throw unknownKind()
      yield kept
    }
  }
}

function unknownKind(): Fault {
  return new Fault(
    'precondition_failed',
    'the storage has a record of a kind that this release does not know, and the snapshot would lack it: a later release, or ' +
      'something else, wrote it. Make the snapshot with that release; nothing was saved',
  )
}
