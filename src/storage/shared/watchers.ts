import type { Closer, Rev, Storage } from '../../contract/storage.ts'

type Handler = Parameters<Storage['watch']>[1]

/** Reports commits to watchers in this process, in order. Revisions before the start of the watch are not available: the watcher resets. */
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

  /** Changes may have happened of which there is no record. */
  reset(): void {
    for (const handler of this.#handlers) handler.reset()
  }
}
