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
