import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { tarEnd, tarHeader, tarPadding } from '../../../snapshot/tar.ts'
import { parseDuration } from '../../../util/duration.ts'
import { systemClock } from '../../../util/clock.ts'
import { product } from '../../../util/version.ts'
import { checkTarget, writeAtomically } from '../../framework/atomic-file.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import { json } from '../../output/json.ts'
import { printable } from '../../output/printable.ts'
import { capture } from './capture.ts'
import type { Captured, Plan, Waiting } from './capture.ts'
import { missing, targets } from './targets.ts'

async function debug(run: Run): Promise<number> {
  const plan = planOf(run)
  const started = systemClock.now()
  const name = `strongroom-debug-${new Date(started).toISOString().slice(0, 19).replaceAll(':', '-')}Z`
  const compress = run.flags.bool('compress', true)
  const output = run.flags.string('output') || `${name}.tar${compress ? '.gz' : ''}`
  checkTarget(output, false)
  run.err(`Collecting ${plan.targets.map((target) => target.name).join(', ')} for ${plan.duration / 1000} s; Ctrl-C ends it earlier.`) // prettier-ignore
  const captured = await untilInterrupted(async (time) => capture(run.client, plan, time))
  const { files, errors } = captured
  if (files.size === 0)
    throw new ServerError(`nothing could be collected\n${errors.map(({ target, error }) => `${target}: ${error}`).join('\n')}`) // prettier-ignore
  const all = new Map([...files, ['index.json', `${json(indexOf(run, plan, captured, started))}\n`]])
  const tar = bundle(name, all, Math.floor(started / 1000))
  await writeAtomically(output, single(compress ? gzipSync(tar) : tar), false)
  for (const { target, error } of errors) run.err(`Not collected: ${target}: ${printable(error, { lines: true })}`)
  run.out(`Success! Wrote ${[...all.keys()].join(', ')}: ${output}\n`)
  return 0
}

/** @throws UsageError */
function planOf({ flags }: Run): Plan {
  const names = flags.strings('target').flatMap((list) => list.split(','))
  for (const name of names) {
    if (Object.hasOwn(missing, name)) throw new UsageError(`-target=${name}: ${missing[name]}`)
    if (!targets.some((target) => target.name === name))
      throw new UsageError(`-target is any of ${targets.map((target) => target.name).join(', ')}, not "${name}"`)
  }
  const duration = milliseconds(flags.string('duration') ?? '2m', 'duration')
  return {
    targets: targets.filter(({ name }) => names.length === 0 || names.includes(name)),
    duration,
    interval: milliseconds(flags.string('interval') ?? '30s', 'interval'),
    metricsInterval: milliseconds(flags.string('metrics-interval') ?? '10s', 'metrics-interval'),
  }
}

function milliseconds(text: string, flag: string): number {
  const seconds = parseDuration(text)
  if (!seconds) throw new UsageError(`-${flag} is a duration of a second or more, such as 30s`)
  return seconds * 1000
}

/** Ctrl-C ends the collection, and what is there is kept. */
async function untilInterrupted<T>(work: (time: Waiting) => Promise<T>): Promise<T> {
  const interrupt = new AbortController()
  const stop = (): void => interrupt.abort()
  process.once('SIGINT', stop)
  const { signal } = interrupt
  const now = (): number => systemClock.now()
  const until = async (at: number): Promise<boolean> =>
    signal.aborted ? false : pause(Math.max(0, at - now()), true, { signal }).catch(() => false)
  return work({ now, until }).finally(() => process.off('SIGINT', stop))
}

/** The table of contents: nothing of the environment or the command line, which can have tokens. */
function indexOf({ client }: Run, plan: Plan, { files, errors }: Captured, started: number) {
  return {
    version: 1,
    vault_address: client.address,
    client_version: product.release,
    timestamp: new Date(started).toISOString(),
    duration_seconds: plan.duration / 1000,
    interval_seconds: plan.interval / 1000,
    metrics_interval_seconds: plan.metricsInterval / 1000,
    targets: plan.targets.map(({ name }) => name),
    output: [...files.keys()],
    errors,
  }
}

function bundle(folder: string, files: ReadonlyMap<string, string>, at: number): Buffer {
  const parts = [...files].flatMap(([name, text]) => {
    const bytes = Buffer.from(text)
    return [tarHeader(`${folder}/${name}`, bytes.length, at), bytes, tarPadding(bytes.length)]
  })
  return Buffer.concat([...parts, tarEnd])
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** `debug`. */
export const debugCommands: readonly Command[] = [
  {
    name: 'debug',
    about: 'Write a support bundle about a server: state, metrics, machine, configuration, without secrets', // prettier-ignore
    args: [0, 0],
    flags: {
      duration: { kind: 'string', about: 'How long to collect (default 2m).' },
      interval: { kind: 'string', about: 'Time between two captures of the state (default 30s).' },
      'metrics-interval': { kind: 'string', about: 'Time between two captures of the metrics (default 10s).' },
      target: { kind: 'strings', about: `The targets to collect: ${targets.map(({ name }) => name).join(', ')}; all by default.` }, // prettier-ignore
      output: { kind: 'string', about: 'The file (default strongroom-debug-TIME.tar.gz).' },
      compress: { kind: 'bool', about: 'Compress the bundle (default true).' },
    },
    doing: 'collecting',
    run: debug,
  },
]
