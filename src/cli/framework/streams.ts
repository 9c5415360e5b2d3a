import { createReadStream } from 'node:fs'
import { systemClock } from '../../util/clock.ts'
import { withProgress } from '../output/progress.ts'
import { checkTarget, unreadable, writeAtomically } from './atomic-file.ts'
import type { Run } from './command.ts'
import { UsageError } from './flags.ts'

type Stream = AsyncIterable<Uint8Array>

/** Whether an argument means standard input or output. */
export const isPipe = (path: string): boolean => path === '-'

/** The bytes of a file, or of standard input, with a progress line on a terminal. A consumer that stops early calls `return`. */
export async function* bytesFrom(run: Run, path: string): AsyncGenerator<Uint8Array> {
  const stream = isPipe(path) ? run.stdio.read() : fileBytes(path)
  yield* run.stdio.errIsTerminal ? withProgress(stream, systemClock, (text) => run.show(text)) : stream
}

/** @throws UsageError when the file cannot be read */
async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  const stream = createReadStream(path, { highWaterMark: 256 * 1024 })
  const failed = (thrown: unknown): never => {
    throw new UsageError(unreadable(path, String((thrown as NodeJS.ErrnoException).code)))
  }
  const parts = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  try {
    for (let next = await parts.next().catch(failed); next.done !== true; next = await parts.next().catch(failed))
      yield next.value
  } finally {
    stream.destroy()
  }
}

/** The destination of a stream. */
interface Output {
  /** Writes a whole stream: to a file atomically, to standard output as it arrives. */
  write(stream: Stream): Promise<void>
}

/** A file, or standard output. @throws UsageError for a file that exists, unless -force replaces it */
export function outputTo({ stdio }: Run, path: string, force: boolean): Output {
  if (!isPipe(path)) {
    checkTarget(path, force)
    return { write: async (stream) => writeAtomically(path, stream, force) }
  }
  return {
    async write(stream) {
      for await (const part of stream) await stdio.write(part)
    },
  }
}
