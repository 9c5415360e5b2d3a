import { LRUCache } from 'lru-cache'

const one = (): number => 1

/**
 * A cache of the most recently used entries.
 * @param capacity the number of entries; memory is allocated as they come. (With lru-cache's `max`, arrays for all of them
 * are filled at once: for the caches of a barrier that held the event loop for 100 ms at every unseal.)
 */
export function recent<K extends {}, V extends {}>(capacity: number): LRUCache<K, V> {
  return new LRUCache<K, V>({ maxSize: capacity, sizeCalculation: one })
}
