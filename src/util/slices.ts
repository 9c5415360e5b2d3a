/** The longest time for which one task may hold the event loop, milliseconds. */
const turn = 10

/** Yields to other work when a task has run for long: `await slices.pause()` between its parts. */
export class Slices {
  #begun = performance.now()

  /** Undefined while there is time left: most tasks end within their first slice. */
  pause(): Promise<void> | undefined {
    if (performance.now() - this.#begun < turn) return undefined
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#begun = performance.now()
        resolve()
      }),
    )
  }
}

/** `items.map(work)`, with pauses for other work. */
export async function inSlices<T, R>(items: readonly T[], work: (item: T) => R): Promise<R[]> {
  const slices = new Slices()
  const results: R[] = []
  for (const item of items) {
    await slices.pause()
    results.push(work(item))
  }
  return results
}

/** A task in parts with the result T: wherever it yields, other work may run. */
export type Steps<T> = Generator<undefined, T, undefined>

/** Runs all parts at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** Runs the parts with pauses for other work, beginning in a turn of its own. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  await othersTurn()
  const slices = new Slices()
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    await slices.pause()
  }
}

/** Resolves in the next turn of the event loop. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** Values of fewer bytes than this are processed at once: hashing, writing and reading them takes a few milliseconds. */
export const large = 128 * 1024
const node = 16

/** Whether a value is so large that its work is to be split. Visits no more of it than necessary. */
export function isLarge(value: unknown): boolean {
  return weightLeft(value, large) < 0
}

/** The approximate size of a value in bytes, as JSON or in memory. */
export function weightOf(value: unknown): number {
  return Number.MAX_SAFE_INTEGER - weightLeft(value, Number.MAX_SAFE_INTEGER)
}

/** The remaining weight after a value; below 0 as soon as it is too much. */
function weightLeft(value: unknown, before: number): number {
  let left = before - node
  if (typeof value === 'string') return left - value.length
  if (typeof value !== 'object' || value === null) return left
  if (value instanceof Uint8Array) return left - value.length
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length && left >= 0; at++) left = weightLeft(value[at], left)
    return left
  }
  for (const name in value) {
    if (left < 0) return left
    left = weightLeft((value as Readonly<Record<string, unknown>>)[name], left - name.length)
  }
  return left
}
