import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { LevelStorage } from '../../../src/storage/level/level.ts'
import { systemClock } from '../../../src/util/clock.ts'
import { silent } from '../../../src/util/log.ts'
import { temporaryFolder } from '../../support/folder.ts'

const kills = Number(process.env['STRONGROOM_KILL_CYCLES'] ?? 200)

/** A database whose writer is killed again and again; then what it had told of is looked for. */
async function storm(cycles: number): Promise<void> {
  const path = join(temporaryFolder(), 'db')
  const child = fileURLToPath(new URL('../../support/storages/write-storm.js', import.meta.url))
  const acknowledged = new Map<string, number>()
  for (let cycle = 0; cycle < cycles; cycle++) {
    const writer = fork(child, [path, String(cycle)], { stdio: 'ignore' })
    let told = 0
    writer.on('message', (message) => {
      const [key, round] = message as readonly [string, number]
      acknowledged.set(key, round)
      if (++told === 150 + (cycle % 7) * 40) writer.kill('SIGKILL')
    })
    await once(writer, 'exit')
  }
  const storage = await LevelStorage.open(path, { clock: systemClock, log: silent })
  expect(acknowledged.size).to.be.greaterThan(100)
  for (const [key, round] of acknowledged) {
    const [one, two] = await storage.get([`a/${key}`, `b/${key}`])
    expect(Number(Buffer.from(one?.value ?? []).toString()), key).to.be.at.least(round)
    expect(one?.rev, 'both halves of a commit').to.equal(two?.rev)
  }
  await storage.close()
}

describe('LevelStorage, killed', () => {
  it(`keeps every acknowledged write over ${kills} kills in a write storm`, async function () {
    this.timeout(kills * 2000 + 20_000)
    // Two at a time: most of a start is work of one processor.
    const half = Math.ceil(kills / 2)
    await Promise.all([storm(half), storm(kills - half)])
  })
})
