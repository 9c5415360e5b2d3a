import type { Rev } from '../../contract/storage.ts'

const most = 20_000

/** Which keys changed lately, to answer "did anything change below this prefix since?". What it cannot know counts as changed. */
export class RecentChanges {
  #changes: { readonly rev: Rev; readonly key: string }[] = []
  #knownSince: Rev = 0n

  /** Forgets everything up to a revision. */
  restart(rev: Rev): void {
    this.#changes = []
    this.#knownSince = rev
  }

  add(rev: Rev, keys: readonly string[]): void {
    for (const key of keys) this.#changes.push({ rev, key })
    if (this.#changes.length <= most * 2) return
    const dropped = this.#changes.splice(0, this.#changes.length - most)
    this.#knownSince = dropped[dropped.length - 1]?.rev ?? this.#knownSince
  }

  unchanged(prefix: string, since: Rev): boolean {
    if (since < this.#knownSince) return false
    for (let at = this.#changes.length - 1; at >= 0; at--) {
      const { rev, key } = this.#changes[at] as { readonly rev: Rev; readonly key: string }
      if (rev <= since) return true
      if (key.startsWith(prefix)) return false
    }
    return true
  }
}
