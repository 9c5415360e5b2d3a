import type { Rev } from '../../contract/storage.ts'
import { folded } from '../shared/page.ts'

/** The key of the storage's revision. Sorts before every key of ours. */
export const revKey = '!rev'

/** The revision that precedes a stored value. */
export const revOf = (bytes: Uint8Array): Rev => new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)

/** A value preceded by its revision. */
export function stamped(rev: Rev, value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(8 + value.length)
  bytes.writeBigUInt64BE(rev)
  bytes.set(value, 8)
  return bytes
}

/** The first key after all that begin with a prefix. */
export const beyond = (prefix: string): string =>
  prefix === '' ? '\uffff' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
/** Where a list continues after a name: after every key that is folded into it. */
export const behind = (after: string, delimiter: string | undefined): string =>
  delimiter !== undefined && after.endsWith(delimiter) ? beyond(after) : `${after}\0`

/** The names that a list returns for a run of keys, and where the next run begins. */
export function fold(
  keys: readonly string[],
  prefix: string,
  delimiter: string | undefined,
  from: string,
): { readonly names: readonly string[]; readonly next: string } {
  const names: string[] = []
  let next = from
  for (const key of keys) {
    if (key < next) continue
    const name = folded(key, prefix, delimiter)
    names.push(name)
    next = name === key ? `${key}\0` : beyond(name)
  }
  return { names, next }
}
