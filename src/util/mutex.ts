/** Runs one call at a time: a call during another one waits. Calls keep their order. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `task` after all earlier ones, whether they failed or not. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task)
    this.#last = result.catch(() => {})
    return result
  }
}
