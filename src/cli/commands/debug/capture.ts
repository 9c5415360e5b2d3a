import type { Json } from '../../../util/json.ts'
import type { Client } from '../../http/client.ts'
import { ServerError } from '../../http/errors.ts'
import { json } from '../../output/json.ts'
import { redacted } from './targets.ts'
import type { Target } from './targets.ts'

/** What is asked when. Milliseconds. */
export interface Plan {
  readonly targets: readonly Target[]
  readonly duration: number
  readonly interval: number
  readonly metricsInterval: number
}

/** Files by name, and what could not be had. */
export interface Captured {
  readonly files: ReadonlyMap<string, string>
  readonly errors: readonly { readonly target: string; readonly error: string; readonly timestamp: string }[]
}

/** Time as the captures see it. `until` resolves when it has come: false when they are to end now. */
export interface Waiting {
  now(): number
  until(at: number): Promise<boolean>
}

/** Characters of all files together; what comes after is left out. */
const mostCharacters = 64 * 1024 * 1024

/** Asks the server for each target, again and again in its interval. What it refuses is noted, and not asked again. */
export async function capture(client: Client, plan: Plan, time: Waiting): Promise<Captured> {
  const start = time.now()
  const samples = new Map<string, string[]>()
  const errors: { target: string; error: string; timestamp: string }[] = []
  const refused = new Set<Target>()
  let size = 0
  for (const { at, target } of timetable(plan)) {
    if (refused.has(target)) continue
    if (!(await time.until(start + at))) break
    const timestamp = new Date(time.now()).toISOString()
    try {
      const text = json(await sample(client, target, timestamp))
      if ((size += text.length) > mostCharacters) throw new ServerError('the bundle would be larger than 64 MiB')
      samples.set(target.file, [...(samples.get(target.file) ?? []), text])
    } catch (thrown) {
      if (!(thrown instanceof ServerError)) throw thrown
      refused.add(target)
      errors.push({ target: target.name, error: thrown.message, timestamp })
    }
  }
  return { files: new Map([...samples].map(([file, texts]) => [file, `[\n${texts.join(',\n')}\n]\n`])), errors }
}

/** All captures in the order of time; each target once at the start. */
function timetable({ targets, duration, interval, metricsInterval }: Plan) {
  const entries = targets.flatMap((target) => {
    const every = target.repeats === false ? Infinity : target.repeats === 'interval' ? interval : metricsInterval
    const count = Math.max(1, Math.ceil(duration / every))
    return Array.from({ length: count }, (_, index) => ({ at: index === 0 ? 0 : index * every, target }))
  })
  return entries.sort((a, b) => a.at - b.at)
}

/** The answers of one target by their paths; a single one as it is. */
async function sample(client: Client, { asked, shape }: Target, timestamp: string): Promise<Json> {
  const answers: [string, unknown][] = []
  for (const { path, member, query } of asked) {
    const options = query ? { query } : {}
    const body = member === undefined ? ((await client.send('GET', path, undefined, options)).body ?? {}) : await client.ask(member, 'GET', path, undefined, options) // prettier-ignore
    const { data, ...rest } = body as { readonly data?: unknown }
    answers.push([path.split('/').at(-1) as string, redacted(shape ? shape(body) : (data ?? rest))])
  }
  const [[, only] = []] = answers
  return { timestamp, ...(answers.length === 1 ? { data: only } : Object.fromEntries(answers)) }
}
