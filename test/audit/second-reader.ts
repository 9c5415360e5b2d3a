import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** What the second reader is asked. */
export interface Case {
  readonly files: readonly string[]
  /** Vkeys that are trusted. */
  readonly keys?: readonly string[]
  readonly checkpoints?: readonly string[]
}

/** `verify_audit.py` at work: an independent check of audit logs. */
export class SecondReader {
  readonly #child = spawn('python3', ['test/audit/verify_audit.py'], { stdio: ['pipe', 'pipe', 'inherit'] })
  readonly #lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()

  /** Its verdict: `intact` or `BROKEN: why`. */
  async verdict(one: Case): Promise<string> {
    this.#child.stdin.write(`${JSON.stringify(one)}\n`)
    const { value } = await this.#lines.next()
    return String(value)
  }

  close(): void {
    this.#child.stdin.end()
  }
}
