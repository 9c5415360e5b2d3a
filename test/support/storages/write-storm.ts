import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'

/** Writes as fast as possible and reports every acknowledged commit to its parent, until it is killed. */
const [, , path = '', cycle = '0'] = process.argv
const storage = await LevelStorage.open(path, { clock: systemClock, log: silent, create: true })

async function writer(name: string): Promise<never> {
  for (let round = Number(cycle) * 1_000_000; ; round++) {
    const value = Buffer.from(String(round))
    await storage.commit({
      ops: [
        { put: `a/${name}/${round % 20}`, value },
        { put: `b/${name}/${round % 20}`, value },
      ],
    })
    process.send?.([`${name}/${round % 20}`, round])
  }
}

await Promise.all(Array.from({ length: 16 }, async (_, at) => writer(`w${at}`)))
