import { inspect } from 'node:util'

/**
 * A value that cannot be printed: `String`, `JSON.stringify` and `util.inspect` all return `[redacted]`.
 * Only `reveal()` returns it; `test/architecture.test.ts` lists the files that may call it.
 */
export class Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  /** The value itself. */
  reveal(): T {
    return this.#value
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return '[redacted]'
  }
}
