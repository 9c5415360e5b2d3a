import { LRUCache } from 'lru-cache'

const one = (): number => 1

/**
 * A cache of the entries that were used last.
 * @param most how many entries it keeps; room is taken as they come. (With lru-cache's `max`, arrays for all of them are
 * filled at once: for the caches of a barrier that held the event loop for 100 ms at every unseal.)
 */
export function recent<K extends {}, V extends {}>(most: number): LRUCache<K, V> {
  return new LRUCache<K, V>({ maxSize: most, sizeCalculation: one })
}
