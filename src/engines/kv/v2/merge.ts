import { Numeral } from '../../../util/json.ts'
import type { Json } from '../../../util/json.ts'

/** JSON merge patch (RFC 7396): null removes, objects are merged, all other values replace. */
export function merged(target: Json, change: Json): Json {
  const result = new Map(Object.entries(target))
  for (const [name, value] of Object.entries(change)) {
    if (value === null) result.delete(name)
    else if (isObject(value)) result.set(name, merged(objectOr(result.get(name)), value))
    else result.set(name, value)
  }
  return Object.fromEntries(result)
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Numeral)
}

const objectOr = (value: unknown): Json => (isObject(value) ? value : {})
