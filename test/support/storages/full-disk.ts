import { AmbiguousCommit } from '../../../src/contract/storage.ts'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'

/**
 * Writes until a write fails (the shell that starts this bounds the size of files), goes on until many more are
 * acknowledged, and dies without closing. Prints what was acknowledged and how many writes failed in which way.
 */
const [, , path = ''] = process.argv
const storage = await LevelStorage.open(path, { clock: systemClock, log: silent, create: true })
const acknowledged: string[] = []
const failed = { ambiguous: 0, other: 0 }
for (let at = 0, after = 0; after < 60 && at < 2000; at++) {
  const key = `k${at}`
  try {
    await storage.commit({ ops: [{ put: key, value: Buffer.alloc(3000, at % 256) }] })
    acknowledged.push(key)
    if (failed.ambiguous > 0) after++
  } catch (thrown) {
    failed[thrown instanceof AmbiguousCommit ? 'ambiguous' : 'other']++
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
process.stdout.write(JSON.stringify({ acknowledged, failed }), () => process.kill(process.pid, 'SIGKILL'))
