import type { Commit, CommitResult } from '../../../src/contract/storage.ts'
import { MemoryStorage } from '../../../src/storage/memory.ts'

/** A storage in memory that can make a commit wait while others go past it. */
export class HeldStorage extends MemoryStorage {
  #hold: (() => Promise<void>) | undefined

  /** The next commit waits until `meanwhile` has ended. Resolves when that commit has come and `meanwhile` has ended. */
  async holdNext(meanwhile: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#hold = async () => {
        this.#hold = undefined
        await meanwhile().then(resolve, reject)
      }
    })
  }

  /** No commit waits from now on. */
  letGo(): void {
    this.#hold = undefined
  }

  override async commit(commit: Commit): Promise<CommitResult> {
    await this.#hold?.()
    return super.commit(commit)
  }
}
