import type { Rev } from '../../contract/storage.ts'

const capacity = 20_000

/**
 * The recently changed keys, to check whether a key below a prefix has changed since a revision. If unknown, the result is true.
 */
export class RecentChanges {
  #changes: { readonly rev: Rev; readonly key: string }[] = []
  #completeSince: Rev = 0n

  /** Drops all records up to a revision. */
  restart(rev: Rev): void {
    this.#changes = []
    this.#completeSince = rev
  }

  add(rev: Rev, keys: readonly string[]): void {
    for (const key of keys) this.#changes.push({ rev, key })
    if (this.#changes.length <= capacity * 2) return
    const dropped = this.#changes.splice(0, this.#changes.length - capacity)
    this.#completeSince = dropped[dropped.length - 1]?.rev ?? this.#completeSince
  }

  unchanged(prefix: string, since: Rev): boolean {
    if (since < this.#completeSince) return false
    for (let at = this.#changes.length - 1; at >= 0; at--) {
      const { rev, key } = this.#changes[at] as { readonly rev: Rev; readonly key: string }
      if (rev <= since) return true
      if (key.startsWith(prefix)) return false
    }
    return true
  }
}
