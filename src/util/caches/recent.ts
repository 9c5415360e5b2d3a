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

/** The approximate memory of an entry in addition to its key and its value, in bytes. */
const entryBytes = 128

/**
 * The same, bounded by the total size of the entries: for keys and values whose length callers choose.
 * @param bytes of keys and values, and 128 for each entry
 */
export function recentWithin<V extends { readonly length: number }>(bytes: number): LRUCache<string, V> {
  const sizeCalculation = (value: V, key: string): number => entryBytes + key.length + value.length
  return new LRUCache<string, V>({ maxSize: bytes, sizeCalculation })
}

/**
 * The same for values whose size only the caller knows: `set(key, value, { size })`.
 * @param bytes of all entries; a larger one is not kept
 */
export function recentSized<V extends {}>(bytes: number): LRUCache<string, V> {
  return new LRUCache<string, V>({ maxSize: bytes })
}
