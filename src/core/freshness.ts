import { Fault } from '../contract/fault.ts'
import type { Closer } from '../contract/storage.ts'
import type { View } from '../contract/view.ts'
import { Refresh } from '../util/stored/refresh.ts'

/**
 * The state that an unsealed server has in memory of its records (mounts, namespaces, quotas, …). Each part follows its records by a
 * watch of its own; no request is decided while a part is stale.
 */
export class Freshness {
  readonly #stale = new Set<Refresh>()

  /**
   * Reads a part, and again whenever records below a folder change.
   * @param read the records by names relative to the folder; undefined: all. It must not write any of them.
   */
  async follow(
    view: View,
    folder: string,
    read: (names: readonly string[] | undefined) => Promise<void>,
  ): Promise<Closer> {
    const refresh = new Refresh(read)
    const changed = async (names: readonly string[] | undefined): Promise<void> => {
      this.#stale.add(refresh)
      refresh.note(names)
      await this.#settle(refresh)
    }
    const watch = view.watch(folder, changed)
    const close = (): void => {
      watch.close()
      this.#stale.delete(refresh)
    }
    try {
      await changed(undefined)
    } catch (thrown) {
      close()
      throw thrown
    }
    return { close }
  }

  /** Undefined if nothing is stale; otherwise resolves after it was read again, with the reason if it cannot be read now. */
  ready(): Promise<Fault | undefined> | undefined {
    return this.#stale.size === 0 ? undefined : this.#readAgain()
  }

  async #readAgain(): Promise<Fault | undefined> {
    try {
      await Promise.all([...this.#stale].map(async (refresh) => this.#settle(refresh)))
      return undefined
    } catch (cause) {
      return new Fault(
        'unavailable',
        'the storage has changes that this server cannot read now, so it decides nothing; try again',
        { cause },
      )
    }
  }

  async #settle(refresh: Refresh): Promise<void> {
    await refresh.settle()
    if (!refresh.isStale) this.#stale.delete(refresh)
  }
}
