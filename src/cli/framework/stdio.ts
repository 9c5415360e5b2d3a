import { UsageError } from './flags.ts'

/** Standard input and output as bytes of any number, for commands that pass data through. */
export interface Stdio {
  read(): AsyncIterable<Uint8Array>
  /** Returns when there is space for more. @throws UsageError if the reader has gone away */
  write(bytes: Uint8Array): Promise<void>
  /** Whether standard output, and standard error, is a terminal. */
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
}

/** The standard streams of this process. `used`: whether data was written; then a reader that stops early is a failure. */
export function processStdio(): Stdio & { used(): boolean } {
  let used = false
  return {
    used: () => used,
    read: () => process.stdin,
    async write(bytes) {
      used = true
      await new Promise<void>((resolve, reject) => {
        process.stdout.write(bytes, (failed) =>
          failed ? reject(new UsageError(`standard output was closed too early (${failed.message})`)) : resolve(),
        )
      })
    },
    outIsTerminal: process.stdout.isTTY,
    errIsTerminal: process.stderr.isTTY,
  }
}
