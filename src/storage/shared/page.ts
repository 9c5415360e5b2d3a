import type { ListOptions } from '../../contract/storage.ts'
import { storageLimits } from '../../contract/storage.ts'

/** One page of keys from a sorted array. */
export function page(sorted: readonly string[], prefix: string, { after, limit, delimiter }: ListOptions): string[] {
  const max = Math.min(limit, storageLimits.page)
  const found: string[] = []
  let last: string | undefined
  for (
    let at = firstFrom(sorted, after !== undefined && after > prefix ? after : prefix);
    at < sorted.length && found.length < max;
    at++
  ) {
    const key = sorted[at] as string
    if (!key.startsWith(prefix)) break
    const name = folded(key, prefix, delimiter)
    if ((after !== undefined && (name <= after || key <= after)) || name === last) continue
    found.push(name)
    last = name
  }
  return found
}

/** A key, or with a delimiter the folder that contains it. */
export function folded(key: string, prefix: string, delimiter: string | undefined): string {
  const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length)
  return end < 0 ? key : key.slice(0, end + 1)
}

function firstFrom(sorted: readonly string[], key: string): number {
  let [low, high] = [0, sorted.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((sorted[middle] as string) < key) low = middle + 1
    else high = middle
  }
  return low
}
