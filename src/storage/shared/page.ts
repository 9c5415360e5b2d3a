import type { ListOptions } from '../../contract/storage.ts'
import { storageLimits } from '../../contract/storage.ts'

/** One page of keys from a sorted array. */
export function page(sorted: readonly string[], prefix: string, { after, limit, delimiter }: ListOptions): string[] {
  const most = Math.min(limit, storageLimits.page)
  const found: string[] = []
  let last: string | undefined
  for (
    let at = firstFrom(sorted, after !== undefined && after > prefix ? after : prefix);
    at < sorted.length && found.length < most;
    at++
  ) {
    const key = sorted[at] as string
    if (!key.startsWith(prefix)) break
    const shown = folded(key, prefix, delimiter)
    if ((after !== undefined && (shown <= after || key <= after)) || shown === last) continue
    found.push(shown)
    last = shown
  }
  return found
}

/** A key, or with a delimiter the folder that it lies in. */
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
