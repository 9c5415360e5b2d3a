import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'chai'
import { startServer } from '../../../src/server/start.ts'
import { HandClock } from '../clock.ts'
import { FailingStorage } from './failing-storage.ts'
import { temporaryFolder } from '../folder.ts'
import { TestServer } from '../server.ts'

/** An operation of several commits. */
export interface Work {
  /** Creates its objects. */
  readonly prepare: (server: TestServer) => Promise<unknown>
  readonly run: (server: TestServer) => Promise<unknown>
  /** The result that clients see. */
  readonly look: (server: TestServer) => Promise<unknown>
}

/**
 * Runs an operation on a whole server that dies at its first commit, then at its second, and so on until it completes;
 * each time the server is started again on what the storage has. The work must then be undone, or done with nothing
 * left over in the storage; and done whenever an earlier death has been enough for it to be done.
 * @returns how many deaths there were
 */
export async function diesAtEveryCommit(work: Work): Promise<number> {
  const [undone, done] = [await outcome(work, 0), await outcome(work, Infinity)]
  expect(done.end, 'what is done looks different').to.not.deep.equal(undone.end)
  for (let [commits, decided] = [1, false]; ; commits++) {
    const { end, survived } = await outcome(work, commits)
    expect(end, `after ${commits} commits`).to.be.deep.oneOf(decided ? [done.end] : [undone.end, done.end])
    decided ||= JSON.stringify(end) === JSON.stringify(done.end)
    if (survived) return commits
  }
}

/** The state after the interruption and a restart: as clients see it, and the number of records in the storage. */
async function outcome(work: Work, commits: number) {
  const storage = new FailingStorage()
  const clock = new HandClock()
  const config = configuration()
  const server = await start(storage, config, clock)
  const made = await server.call('PUT', '/v1/sys/init', { secret_shares: 1, secret_threshold: 1 })
  server.token = String(made.body['root_token'])
  const unseal = async (one: TestServer) =>
    one.call('PUT', '/v1/sys/unseal', { key: (made.body['keys'] as readonly string[])[0] })
  await unseal(server)
  await work.prepare(server)

  storage.plan = Array<undefined>(Math.min(commits, 1000)).fill(undefined)
  storage.always = commits === Infinity ? undefined : 'lost'
  const before = storage.commits
  await work.run(server).catch(() => {})
  const survived = storage.commits - before <= commits
  // It is gone without a word: nothing that it still does reaches the storage.
  storage.plan = []
  storage.always = commits === Infinity ? undefined : 'lost'
  await server.running.stop().catch(() => {})

  storage.always = undefined
  const again = await start(storage, config, clock)
  again.token = server.token
  await unseal(again)
  // Its scheduled work completes the operation.
  for (let turn = 0; turn < 5; turn++) {
    clock.advance(61_000)
    for (let wait = 0; wait < 20; wait++) await new Promise(setImmediate)
  }
  const end = { seen: await work.look(again), records: await names(storage) }
  await again.running.stop()
  return { end, survived }
}

/** How many records there are. Their digests are not counted: names that differ each time share a bucket or do not. */
async function names(storage: FailingStorage): Promise<number> {
  let count = 0
  for (let after = ''; ;) {
    const { keys } = await storage.list('e/', { limit: 500, after })
    count += keys.length
    if (keys.length < 500) return count
    after = keys.at(-1) as string
  }
}

async function start(storage: FailingStorage, config: string, clock: HandClock): Promise<TestServer> {
  return new TestServer(await startServer({ config: [config], storage, clock, log: () => {} }), '', config)
}

function configuration(): string {
  const file = join(temporaryFolder(), 'strongroom.hcl')
  writeFileSync(file, 'storage "inmem" {}\nlistener "tcp" {\n  address = "127.0.0.1:0"\n  tls_disable = true\n}\n')
  return file
}
