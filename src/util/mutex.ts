/** Runs one call at a time: a call that arrives while another is under way waits for its turn. Order is kept. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()

  /** Runs `task` after all earlier ones, whether they failed or not. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(task, task)
    this.#last = mine.catch(() => {})
    return mine
  }
}
