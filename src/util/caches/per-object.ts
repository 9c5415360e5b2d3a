/**
 * Computes a value once for each object, by its identity, and drops it with the object. Right only for objects that never
 * change after they were first given: a changed thing has to be another object.
 */
export function perObject<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  const values = new WeakMap<K, { readonly value: V }>()
  return (key) => {
    const cached = values.get(key)
    if (cached) return cached.value
    const value = compute(key)
    values.set(key, { value })
    return value
  }
}
