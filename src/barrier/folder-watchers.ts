import type { Closer } from '../contract/storage.ts'
import type { Changed } from '../contract/view.ts'
import { BrokenRecord } from './frame.ts'
import type { Names } from './names.ts'

interface FolderWatcher {
  readonly changed: Changed
}

/** Reports changed storage keys, by their plaintext names, to the watchers of the record or of a folder above it. */
export class FolderWatchers {
  readonly #names: Pick<Names, 'decrypt'>
  /** By the storage key of the folder or record. */
  readonly #watchers = new Map<string, Set<FolderWatcher>>()

  constructor(names: Pick<Names, 'decrypt'>) {
    this.#names = names
  }

  /** @param place the storage key of a folder or record. */
  add(place: string, changed: Changed): Closer {
    const watcher = { changed }
    const watchers = this.#watchers.get(place) ?? new Set()
    this.#watchers.set(place, watchers.add(watcher))
    return {
      close: () => {
        watchers.delete(watcher)
        if (watchers.size === 0 && this.#watchers.get(place) === watchers) this.#watchers.delete(place)
      },
    }
  }

  /** Undefined, or a promise that resolves when all have applied the changes. It rejects when one of them has failed. */
  changed(keys: readonly string[]): Promise<void> | undefined {
    const applied: (void | Promise<void>)[] = []
    for (const [place, below] of this.#byPlace(keys)) {
      const names = this.#plain(place, below)
      for (const { changed } of this.#watchers.get(place) ?? []) applied.push(changed(names))
    }
    return settled(applied)
  }

  /** Anything may have changed. */
  reset(): Promise<void> | undefined {
    const all = [...this.#watchers.values()].flatMap((watchers) => [...watchers])
    return settled(all.map(({ changed }) => changed(undefined)))
  }

  clear(): void {
    this.#watchers.clear()
  }

  /** The keys below each watched folder. */
  #byPlace(keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
    const found = new Map<string, string[]>()
    for (const key of keys) {
      for (let cut = key.indexOf('/') + 1; cut > 0; cut = key.indexOf('/', cut) + 1)
        this.#add(found, key.slice(0, cut), key)
      this.#add(found, key, key)
    }
    return found
  }

  #add(found: Map<string, string[]>, place: string, key: string): void {
    if (!this.#watchers.has(place)) return
    const keys = found.get(place)
    if (keys) keys.push(key)
    else found.set(place, [key])
  }

  /** Undefined if one of them is not a name of this store: then the changed records are unknown. */
  #plain(place: string, keys: readonly string[]): readonly string[] | undefined {
    try {
      return keys.map((key) => this.#plainBelow(place, key))
    } catch (thrown) {
      if (thrown instanceof BrokenRecord) return undefined
      throw thrown
    }
  }

  #plainBelow(place: string, key: string): string {
    let name = ''
    for (let parent = place; parent.length < key.length;) {
      const cut = key.indexOf('/', parent.length)
      const part = cut < 0 ? key : key.slice(0, cut + 1)
      name += this.#names.decrypt(parent, part)
      parent = part
    }
    return name
  }
}

/** Waits for all, also when one of them fails. */
function settled(applied: readonly (void | Promise<void>)[]): Promise<void> | undefined {
  const pending = applied.filter((one) => one !== undefined)
  if (pending.length === 0) return undefined
  return Promise.allSettled(pending).then((outcomes) => {
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed) throw failed.reason
  })
}
