import { wipe } from '../../util/bytes.ts'

/**
 * Prepares a value for another thread. Bytes in it (the value itself, or a member of it) are copied into memory of their
 * own, which is given away: cloned as they are, they would take the whole slab along that Node keeps small buffers in.
 */
export function packed(value: unknown): { readonly message: unknown; readonly transfer: readonly ArrayBuffer[] } {
  const transfer: ArrayBuffer[] = []
  const moved = (bytes: Uint8Array): Uint8Array => {
    const copy = new Uint8Array(bytes)
    transfer.push(copy.buffer)
    return copy
  }
  if (value instanceof Uint8Array) return { message: moved(value), transfer }
  if (!isPlain(value)) return { message: value, transfer }
  const members = Object.entries(value).map(([name, part]) => [name, part instanceof Uint8Array ? moved(part) : part])
  return { message: Object.fromEntries(members), transfer }
}

/** The number of bytes in a value: those that `packed` copies. */
export function bytesIn(value: unknown): number {
  let sum = 0
  for (const part of partsOf(value)) if (part instanceof Uint8Array) sum += part.length
  return sum
}

/** Overwrites the bytes in a value: those that `packed` copies. */
export function wipeParts(value: unknown): void {
  for (const part of partsOf(value)) if (part instanceof Uint8Array) wipe(part)
}

function partsOf(value: unknown): readonly unknown[] {
  if (value instanceof Uint8Array) return [value]
  return isPlain(value) ? Object.values(value) : []
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}
