import type { Closer, Rev, Watcher } from '../../contract/storage.ts'

/** Reports commits to watchers in this process, in order. Revisions before the start of the watch are not available: the watcher resets. */
export class Watchers {
  readonly #watchers = new Set<Watcher>()

  add(from: Rev, now: Rev, watcher: Watcher): Closer {
    this.#watchers.add(watcher)
    if (from < now) void allApplied([watcher], (one) => one.reset())
    return { close: () => void this.#watchers.delete(watcher) }
  }

  /** Undefined, or a promise that resolves when all watchers have applied the changes or have failed. */
  changed(rev: Rev, keys: readonly string[]): Promise<void> | undefined {
    return allApplied(this.#watchers, (watcher) => watcher.changed(rev, keys))
  }

  /** Reports that unknown keys may have changed. */
  reset(): Promise<void> | undefined {
    return allApplied(this.#watchers, (watcher) => watcher.reset())
  }

  /** No further changes are reported until a reset. */
  lost(): void {
    void allApplied(this.#watchers, (watcher) => watcher.lost?.())
  }
}

/** A failing watcher does not delay the others: it must itself prevent the use of values that it could not update. */
function allApplied(
  watchers: Iterable<Watcher>,
  apply: (watcher: Watcher) => void | Promise<void>,
): Promise<void> | undefined {
  const applied: Promise<void>[] = []
  for (const watcher of watchers) {
    const one = apply(watcher)
    if (one) applied.push(one)
  }
  return applied.length === 0 ? undefined : Promise.allSettled(applied).then(() => {})
}
