import type { Check, Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'
import { configPaths } from './validate-config.ts'

const skippable = ['listener', 'storage', 'autounseal']

/** OpenBao's: 0 everything is well, 1 something fails, 2 something is to be looked at. */
const statuses: Readonly<Record<Check['status'], number>> = { ok: 0, skipped: 0, fail: 1, warn: 2 }

async function diagnose(run: Run): Promise<number> {
  const skip = run.flags.strings('skip').flatMap((names) => names.split(','))
  const unknown = skip.find((name) => !skippable.includes(name))
  if (unknown !== undefined) throw new UsageError(`-skip is any of ${skippable.join(', ')}, not "${unknown}"`)
  const found = await run.checks.diagnose(configPaths(run), skip)
  if (run.format === 'table') run.out(`${linesOf(found, 0).join('\n')}\n`)
  else await showValue(run, asJson(found))
  return statuses[found.status]
}

function linesOf({ name, status, message, advice, children }: Check, depth: number): readonly string[] {
  const [indent, deeper] = ['  '.repeat(depth), '  '.repeat(depth + 1)]
  const line = `${indent}[${status.padStart(7).padEnd(8)}] ${name}${message === '' ? '' : `: ${message}`}`
  return [
    printable(line),
    ...(advice === '' ? [] : [printable(`${deeper}next: ${advice}`)]),
    ...children.flatMap((child) => linesOf(child, depth + 1)),
  ]
}

/** The members that OpenBao writes. */
const asJson = ({ name, status, message, advice, children }: Check): Readonly<Record<string, unknown>> => ({
  name,
  status,
  ...(message !== '' && { message }),
  Advice: advice,
  ...(children.length > 0 && { children: children.map(asJson) }),
})

/** `operator diagnose`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator diagnose',
    about:
      'Check the conditions of a start: ports, certificates, permissions, disks, clock, storage, seals, audit devices; exit status 0 well, 1 failure, 2 warning',
    usage: 'FILE…',
    args: [0, Infinity],
    offline: true,
    flags: {
      config: { kind: 'strings', about: 'A configuration file or folder, as for server; can be repeated.' },
      skip: { kind: 'strings', about: 'Checks to leave out: listener, storage, autounseal.' },
    },
    shows: ['format'],
    run: diagnose,
  },
]
