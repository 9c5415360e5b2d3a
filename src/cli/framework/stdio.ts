import { UsageError } from './flags.ts'

/** Standard input and output as bytes of any number, for commands that pass data through. */
export interface Stdio {
  read(): AsyncIterable<Uint8Array>
  /** Returns when there is room for more. @throws UsageError when nobody reads any more */
  write(bytes: Uint8Array): Promise<void>
  /** Whether standard output, and standard error, is a terminal. */
  readonly outIsTerminal: boolean
  readonly errIsTerminal: boolean
}

/** The pipes of this process. `used` tells whether data went out: then a reader that leaves early is a failure. */
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
