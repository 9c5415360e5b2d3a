import { byteOrder } from './bytes.ts'
import { othersTurn } from './slices.ts'

/**
 * Sorts strings by their UTF-8 bytes, in place where it can, with pauses for other work: sorted runs, then merged.
 * @param slice the length of a run
 */
export async function inByteOrder(names: string[], slice: number): Promise<string[]> {
  // UTF-16 has the order of UTF-8 except for surrogates, and comparing bytes costs ten times as much.
  const compare = names.some((name) => surrogate.test(name)) ? byteOrder : unitOrder
  if (names.length <= slice) return names.sort(compare)
  let runs: string[][] = []
  for (let at = 0; at < names.length; at += slice) {
    runs.push(names.slice(at, at + slice).sort(compare))
    await othersTurn()
  }
  while (runs.length > 1) {
    const next: string[][] = []
    for (let at = 0; at < runs.length; at += 2)
      next.push(await merged(runs[at] ?? [], runs[at + 1] ?? [], { compare, pause: 5 * slice }))
    runs = next
  }
  return runs[0] ?? []
}

const surrogate = /[\ud800-\udfff]/
const unitOrder = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

interface Merging {
  readonly compare: typeof unitOrder
  /** Strings between two pauses. */
  readonly pause: number
}

async function merged(left: string[], right: string[], { compare, pause }: Merging): Promise<string[]> {
  const out: string[] = []
  for (let l = 0, r = 0; l < left.length || r < right.length;) {
    const [a, b] = [left[l], right[r]]
    if (b === undefined || (a !== undefined && compare(a, b) <= 0)) l = push(out, a, l)
    else r = push(out, b, r)
    if (out.length % pause === 0) await othersTurn()
  }
  return out
}

function push(out: string[], item: string | undefined, at: number): number {
  if (item !== undefined) out.push(item)
  return at + 1
}
