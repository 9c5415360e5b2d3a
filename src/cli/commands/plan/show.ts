import type { Run } from '../../framework/command.ts'
import { json } from '../../output/json.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'
import type { Field, Step } from './steps.ts'

const signs = { create: '+', update: '~', delete: '-', same: ' ', leave: '?', conflict: '!' } as const

/** What a plan may tell of a step. */
export function toldOf({ action, path, kind, fields, why }: Step): Readonly<Record<string, unknown>> {
  return { action, path, kind, fields, ...(why !== undefined && { why }) }
}

/** How many steps change something. */
export function countOf(steps: readonly Step[], ...actions: readonly Step['action'][]): number {
  return steps.filter(({ action }) => actions.includes(action)).length
}

/** Shows what would be done; a secret is in no line. */
export async function showPlan(run: Run, steps: readonly Step[]): Promise<void> {
  if (run.format !== 'table') {
    const changes = countOf(steps, 'create', 'update', 'delete')
    return showValue(run, { changes, steps: steps.map(toldOf) })
  }
  for (const step of steps) if (step.action !== 'same' || step.why !== undefined) run.out(linesOf(step))
  run.out(`${summary(steps)}\n`)
}

/** One line: how much of what. */
export function summary(steps: readonly Step[]): string {
  const [create, update, remove, conflicts] = (['create', 'update', 'delete', 'conflict'] as const).map((action) => countOf(steps, action)) // prettier-ignore
  if (conflicts) return `${conflicts} cannot be changed: nothing is applied before that is solved.`
  if (!create && !update && !remove) return 'No changes: the server has what the files say.'
  return `${create} to create, ${update} to update, ${remove} to delete.`
}

function linesOf({ action, path, kind, fields, why }: Step): string {
  const head = `${signs[action]} ${printable(path)} (${kind})${why === undefined ? '' : `: ${printable(why)}`}\n`
  return head + fields.map(fieldLines).join('')
}

function fieldLines({ name, before, after, is }: Field): string {
  const label = `    ${printable(name)}: `
  if (is) return `${label}(${is})\n`
  if (typeof after === 'string' && after.includes('\n')) return `${label}\n${textChange(before, after)}`
  return before === undefined ? `${label}${valueOf(after)}\n` : `${label}${valueOf(before)} → ${valueOf(after)}\n`
}

const valueOf = (value: unknown): string => printable(json(value, { compact: true }))

/** The lines of a text that go, and those that come. */
function textChange(before: unknown, after: string): string {
  const [old, fresh] = [typeof before === 'string' ? before : '', after].map((text) => text.split('\n'))
  const lines = (sign: string, of: readonly string[] = [], other: readonly string[] = []): string =>
    of.filter((line) => line.trim() !== '' && !other.includes(line)).map((line) => `      ${sign} ${printable(line)}\n`).join('') // prettier-ignore
  return lines('-', old, fresh) + lines('+', fresh, old)
}
