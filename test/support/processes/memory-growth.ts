import { expect } from 'chai'
import type { MeasuredServer, Memory } from './measured.ts'

/** Runs `work` `count` times, `width` at a time. */
export async function many(count: number, width: number, work: (at: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) await work(at)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** Requests of one kind: the number in a round, and how each is sent. */
interface Requests {
  readonly count: number
  readonly work: (at: number) => Promise<unknown>
}

/**
 * Fails if the server keeps memory for each request. Code and caches take theirs once, in the first rounds; memory for
 * each request grows with the number of requests. The heap varies by two MiB by itself, so there are enough rounds for a
 * hundred bytes per request to stand out.
 */
export async function expectNoMemoryGrowth(
  server: MeasuredServer,
  what: string,
  { count, work }: Requests,
): Promise<void> {
  let at = 0
  const more = async (): Promise<void> => many(count, 8, async () => work(at++))
  await more()
  const first = await server.memory()
  await more()
  const second = await server.memory()
  const before = second.held > first.held ? second : first
  const seen: Memory[] = []
  for (let round = 1; round <= 24; round++) {
    await more()
    const now = await server.memory()
    if (now.held - before.held < round * count * 100 && now.handles <= before.handles + 16) return
    seen.push(now)
  }
  expect.fail(`${what}: ${JSON.stringify([before, ...seen])}`)
}
