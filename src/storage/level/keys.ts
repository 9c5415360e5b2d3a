import type { Rev } from '../../contract/storage.ts'
import { folded } from '../shared/page.ts'

/** The revision before a stored value. */
export const revOf = (bytes: Uint8Array): Rev => new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)

/** A value with its revision before it. */
export function stamped(rev: Rev, value: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(8 + value.length)
  bytes.writeBigUInt64BE(rev)
  bytes.set(value, 8)
  return bytes
}

/** The first key that does not begin with a prefix. */
export const beyond = (prefix: string): string =>
  prefix === '' ? '\uffff' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
/** Where a list goes on after a name: behind all that is folded into it. */
export const behind = (after: string, delimiter: string | undefined): string =>
  delimiter !== undefined && after.endsWith(delimiter) ? beyond(after) : `${after}\0`

/** A run of keys as a list shows them, and where the next run begins. */
export function fold(
  keys: readonly string[],
  prefix: string,
  delimiter: string | undefined,
  from: string,
): { readonly shown: readonly string[]; readonly next: string } {
  const shown: string[] = []
  let next = from
  for (const key of keys) {
    if (key < next) continue
    const name = folded(key, prefix, delimiter)
    shown.push(name)
    next = name === key ? `${key}\0` : beyond(name)
  }
  return { shown, next }
}
