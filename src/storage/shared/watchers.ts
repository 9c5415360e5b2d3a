import type { Closer, Rev, Storage } from '../../contract/storage.ts'

type Handler = Parameters<Storage['watch']>[1]

/** Tells in-process watchers of commits, in order. Revisions before the watch began cannot be told: the watcher resets. */
export class Watchers {
  readonly #handlers = new Set<Handler>()

  add(from: Rev, now: Rev, handler: Handler): Closer {
    this.#handlers.add(handler)
    if (from < now) handler.reset()
    return { close: () => void this.#handlers.delete(handler) }
  }

  changed(rev: Rev, keys: readonly string[]): void {
    for (const handler of this.#handlers) handler.changed(rev, keys)
  }

  /** Something may have happened that nobody can tell exactly. */
  reset(): void {
    for (const handler of this.#handlers) handler.reset()
  }
}
