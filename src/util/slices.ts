/** How long one kind of work may keep the event loop, in milliseconds. */
const turn = 10

/** Lets others have their turn whenever work has gone on for long: `await slices.pause()` between its parts. */
export class Slices {
  #begun = performance.now()

  /** Undefined while there is time left: most work ends within its first turn. */
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

/** `items.map(work)`, with turns for others in between. */
export async function inSlices<T, R>(items: readonly T[], work: (item: T) => R): Promise<R[]> {
  const slices = new Slices()
  const results: R[] = []
  for (const item of items) {
    await slices.pause()
    results.push(work(item))
  }
  return results
}

/** Work in parts, whose result is T: wherever it yields, others may have their turn. */
export type Steps<T> = Generator<undefined, T, undefined>

/** Does all the parts at once. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** Does the parts with turns for others in between, beginning in a turn of its own. */
export async function inTurns<T>(steps: Steps<T>): Promise<T> {
  await othersTurn()
  const slices = new Slices()
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    await slices.pause()
  }
}

/** Others have their turn. */
export function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What weighs less than this, in bytes, is worked on at once: hashed, written and read it takes a few milliseconds. */
export const large = 128 * 1024
const node = 16

/** Whether a value, as JSON or hashed, is worth taking turns for. Looks at no more of it than it has to. */
export function isLarge(value: unknown): boolean {
  return weightLeft(value, large) < 0
}

/** Weight that may still come after a value; below 0 as soon as it is too much. */
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
