import { Unreadable } from '../../../audit/offline/raw-lines.ts'
import { bytesOf } from '../../../audit/offline/verify.ts'
import { Fault } from '../../../contract/fault.ts'
import { systemClock } from '../../../util/clock.ts'
import type { Run } from '../../framework/command.ts'
import { unreadable } from '../../framework/atomic-file.ts'
import { UsageError } from '../../framework/flags.ts'
import { amount } from '../../output/progress.ts'

const between = 250

/**
 * Runs a function that reads audit files, and shows its progress on a terminal.
 * @throws UsageError for files that cannot be read
 */
export async function readingFiles<T>(
  run: Run,
  paths: readonly string[],
  work: (progress: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const meter = run.stdio.errIsTerminal ? progressMeter(run, bytesOf(paths)) : undefined
  try {
    return await work(meter?.seen ?? (() => {}))
  } catch (thrown) {
    if (thrown instanceof Fault || thrown instanceof Unreadable) throw new UsageError(thrown.message)
    const { code, path = '' } = thrown as { readonly code?: string; readonly path?: string }
    if (code === undefined) throw thrown
    throw new UsageError(unreadable(path, code))
  } finally {
    meter?.end()
  }
}

function progressMeter(run: Run, all: number): { readonly seen: (bytes: number) => void; readonly end: () => void } {
  const start = systemClock.now()
  let [done, printedAt] = [0, start]
  return {
    seen: (bytes) => {
      done += bytes
      const now = systemClock.now()
      if (now - printedAt < between) return
      printedAt = now
      const part = Math.min(100, Math.floor((100 * done) / Math.max(all, 1)))
      run.show(`\r\u001b[K${part} %, ${amount(done)}, ${amount((done * 1000) / (now - start))}/s`)
    },
    end: () => printedAt > start && run.show('\r\u001b[K'),
  }
}
