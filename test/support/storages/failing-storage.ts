import { AmbiguousCommit, StorageUnavailable, storageLimits } from '../../../src/contract/storage.ts'
import type { Commit, CommitResult, Storage } from '../../../src/contract/storage.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'

/** How a commit fails: refused for sure, lost without word, or done without word. */
export type Failure = 'refused' | 'lost' | 'done'

/** A storage in memory whose next commits fail as planned, in this order; undefined lets one succeed. */
export class FailingStorage extends MemoryStorage implements Storage {
  plan: (Failure | undefined)[] = []
  /** Applies when the plan is used up. */
  always: Failure | undefined
  commits = 0

  override async commit(commit: Commit): Promise<CommitResult> {
    this.commits++
    // Other storages may refuse what this one accepts.
    if (commit.ops.length > storageLimits.ops) throw new Error(`a commit of ${commit.ops.length} changes`)
    const failure = this.plan.length > 0 ? this.plan.shift() : this.always
    if (failure === 'refused') throw new StorageUnavailable('refused by the test')
    if (failure === 'lost') throw new AmbiguousCommit('lost by the test')
    const result = await super.commit(commit)
    if (failure === 'done') throw new AmbiguousCommit('done, but not told, by the test')
    return result
  }
}
