import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { Response } from '../../contract/response.ts'
import { othersTurn } from '../../util/slices.ts'
import type { Counterpart } from './counterpart.ts'

/** One item of a batch, or the single request as an item. */
export type Item = Readonly<Record<string, unknown>>

/** The response of a batch of which some items failed. */
interface BatchRules {
  /** Members that an item has although it failed. */
  readonly whenFailed?: Readonly<Record<string, unknown>>
  /** Failed items turn the whole status to 400 (or to `partialFailureCode` if at least one item worked). */
  readonly failsWhole: boolean
  readonly partialFailureCode?: number | undefined
  /** Of operations whose results can be sent back. */
  readonly back?: Counterpart
}

type Result = Readonly<Record<string, unknown>>
type Handle = (item: Item) => Result | Promise<Result>

/** So many items, or so many characters, are started together: enough for all threads, few enough for the event loop. */
const slice = { items: 32, letters: 512 * 1024 }

/**
 * Runs one handler over every item. A caller's mistake in one item is that item's error; the others go on.
 * @throws Fault invalid_request if the results could not be sent back in one request.
 */
export async function runBatch(items: readonly Item[], rules: BatchRules, handle: Handle): Promise<Response> {
  const results: Result[] = []
  let failed = 0
  const one = async (item: Item): Promise<Result> => {
    const reference = textOf(item, 'reference')
    try {
      return { ...(await handle(item)), reference }
    } catch (thrown) {
      const fault = asFault(thrown)
      if (fault.code !== 'invalid_request') throw fault
      failed++
      return { ...rules.whenFailed, error: fault.message, reference }
    }
  }
  for (let at = 0; at < items.length; at = results.length) {
    if (at > 0) await othersTurn()
    const begun = items.slice(at, at + sliceAt(items, at))
    const made = await Promise.all(begun.map(one))
    begun.forEach((item, index) => rules.back?.add(item, made[index] ?? {}))
    results.push(...made)
  }
  const status = failed > 0 && rules.failsWhole ? statusOf(rules.partialFailureCode, failed < items.length) : undefined
  return { data: { batch_results: results }, ...(status !== undefined && { status }) }
}

/** How many items are begun together from a place on; one at least. */
function sliceAt(items: readonly Item[], from: number): number {
  let letters = 0
  let at = from
  while (at < items.length && at - from < slice.items && letters < slice.letters) {
    for (const value of Object.values(items[at++] as Item)) if (typeof value === 'string') letters += value.length
  }
  return at - from
}

function statusOf(partial: number | undefined, someWorked: boolean): number {
  return partial !== undefined && someWorked ? partial : 400
}

/** A string member of an item; '' by default. @throws Fault for other types. */
export function textOf(item: Item, name: string): string {
  const value = item[name]
  if (value === undefined || value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw refuse(`batch_input: "${name}" must be a string`)
}

/** An integer member of an item; 0 by default. @throws Fault for other types. */
export function intOf(item: Item, name: string): number {
  const value = item[name]
  if (value === undefined || value === null) return 0
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : NaN
  if (!Number.isInteger(number)) throw refuse(`batch_input: "${name}" must be a whole number`)
  return number
}

/** The items of `batch_input`; undefined if it is absent. */
export function batchOf(batch: unknown): readonly Item[] | undefined {
  return batch === undefined || batch === null ? undefined : itemsOf(batch)
}

/** The items of `batch_input`, one at least. @throws Fault when it is no list of objects. */
export function itemsOf(batch: unknown): readonly Item[] {
  if (
    !Array.isArray(batch) ||
    !batch.every((item) => typeof item === 'object' && item !== null && !Array.isArray(item))
  ) {
    throw new Fault('invalid_request', 'batch_input must be a list of objects')
  }
  if (batch.length === 0) throw refuse('missing batch input to process: batch_input is empty')
  return batch as readonly Item[]
}

/** Either all items of a batch have a context, or none. */
export function checkContexts(items: readonly Item[]): void {
  const count = items.filter((item) => textOf(item, 'context') !== '').length
  if (count > 0 && count < items.length)
    throw refuse('context should be set either in all the request blocks or in none')
}
