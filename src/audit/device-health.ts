import type { Log } from '../util/log.ts'

/** Whether a device works. The server log gets one entry per failure and one per recovery. */
export class DeviceHealth {
  readonly #path: string
  readonly #log: Log
  #isDown = false
  /** Writes and syncs that failed. */
  failures = 0

  constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  failed(why: unknown): void {
    this.failures++
    if (this.#isDown) return
    this.#isDown = true
    const reason = why instanceof Error ? ((why as NodeJS.ErrnoException).code ?? why.message) : String(why)
    this.#log.error('audit device failed; requests that no device records are refused', { path: this.#path, reason })
  }

  works(): void {
    if (this.#isDown) this.#log.info('audit device works again', { path: this.#path })
    this.#isDown = false
  }
}
