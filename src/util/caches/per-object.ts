/**
 * Computes a value once for each object, by its identity, and drops it with the object. Only for objects that never
 * change after their first use as a key: a changed value has to be another object.
 * @param compute may need other input than the object, which must be the same at every call for the same object
 */
export function perObject<K extends object, V, More = void>(
  compute: (key: K, more: More) => V,
): (key: K, more: More) => V {
  const values = new WeakMap<K, V>()
  return (key, more) => {
    const cached = values.get(key)
    if (cached !== undefined || values.has(key)) return cached as V
    const value = compute(key, more)
    values.set(key, value)
    return value
  }
}
