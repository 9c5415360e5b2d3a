import type { ApiPath } from '../../contract/request.ts'
import type { Mount } from '../mounts/mount.ts'
import type { Match } from './trie.ts'

/** The target of a path: the mount (longest match) and the engine's routes for the rest. */
export interface Destination {
  readonly mount: Mount
  readonly match: Match | undefined
}

/** The most cached paths; then the cache is cleared. */
const mostFound = 1000

/** Mounts by path. Longest match by whole segments. */
export class Router {
  readonly #mounts = new Map<string, Mount>()
  /** Of the path of any mount, in characters. */
  #longest = 0
  /** The latest results, as long as the mounts are the same: many requests are for few paths. */
  readonly #found = new Map<string, Destination>()

  /** Adds or replaces the mount at its path. */
  add(mount: Mount): void {
    this.#mounts.set(mount.apiPath, mount)
    this.#longest = Math.max(this.#longest, mount.apiPath.length)
    this.#found.clear()
  }

  /** Removes the mount at an API path such as `auth/token/`. */
  remove(apiPath: string): void {
    this.#mounts.delete(apiPath)
    this.#found.clear()
  }

  /** Everything that is mounted. */
  all(): Mount[] {
    return [...this.#mounts.values()]
  }

  /** The mount that a path belongs to. */
  mountOf(path: string): Mount | undefined {
    // Longer folders cannot be mounts: looking each of them up would take quadratic time.
    let folder = path.endsWith('/') ? path : `${path}/`
    if (folder.length > this.#longest) folder = folder.slice(0, folder.lastIndexOf('/', this.#longest - 1) + 1)
    while (folder.length > 1) {
      const mount = this.#mounts.get(folder)
      if (mount) return mount
      folder = folder.slice(0, folder.slice(0, -1).lastIndexOf('/') + 1)
    }
    return undefined
  }

  /** Finds the route of a path. Lists, and other routes of the same path, match without their trailing slash. */
  find(path: ApiPath, listing: boolean): Destination | undefined {
    if (listing) return this.#find(path, true)
    const cached = this.#found.get(path)
    if (cached) return cached
    const found = this.#find(path, false)
    if (!found?.match) return found
    if (this.#found.size >= mostFound) this.#found.clear()
    this.#found.set(path, found)
    return found
  }

  #find(path: ApiPath, listing: boolean): Destination | undefined {
    const mount = this.mountOf(path)
    if (!mount) return undefined
    const rest = path.slice(mount.apiPath.length)
    if (!rest.endsWith('/')) return { mount, match: mount.trie.find(rest) }
    const match = mount.trie.find(rest.slice(0, -1))
    if (listing) return { mount, match }
    return { mount, match: mount.trie.find(rest) ?? (match?.offers.list ? match : undefined) }
  }
}
