import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import { printable } from '../../output/printable.ts'
import { Markers } from './markers.ts'
import { stepsOf } from './planning.ts'
import { checkPlace, checkSame, readPlan } from './saved.ts'
import type { Inputs } from './saved.ts'
import { countOf, showPlan } from './show.ts'
import type { Step } from './steps.ts'

/** Applies a saved plan, if it is still what there is to do. */
export async function applySaved(run: Run): Promise<number> {
  if (run.args.length > 0) throw new UsageError('a saved plan names its files itself: leave them out')
  const saved = readPlan(run.flags.string('plan') ?? '')
  checkPlace(saved, run)
  const steps = await stepsOf(run, saved)
  await checkSame(saved, steps)
  return apply(run, saved, steps, true)
}

/** Shows the steps, asks, performs them, and looks whether the server has taken them. @returns the exit status */
export async function apply(run: Run, inputs: Inputs, steps: readonly Step[], isSeen = false): Promise<number> {
  if (run.format === 'table' || countOf(steps, 'conflict') > 0) await showPlan(run, steps)
  if (countOf(steps, 'conflict') > 0) return 1
  const changes = steps.filter(({ write }) => write !== undefined)
  if (changes.length > 0 && !isSeen && !run.flags.bool('yes')) await confirmed(run)
  await perform(run, inputs, changes)
  if (run.format !== 'table') await showPlan(run, steps)
  else if (changes.length > 0) run.out(`Applied: ${appliedCounts(steps)}\n`)
  if (changes.length > 0 && !(await isTaken(run, inputs))) return run.flags.bool('detailed-exitcode') ? 1 : 2
  return run.flags.bool('detailed-exitcode') && changes.length > 0 ? 2 : 0
}

const appliedCounts = (steps: readonly Step[]): string =>
  `${countOf(steps, 'create')} created, ${countOf(steps, 'update')} updated, ${countOf(steps, 'delete')} deleted.`

/** @throws UsageError unless a person agrees */
async function confirmed(run: Run): Promise<void> {
  if ((await run.ask('Apply these changes? Only "yes" is accepted: ')) !== 'yes')
    throw new UsageError('nothing was applied')
}

/** @throws ServerError at the first one that fails, unless it may */
async function perform(run: Run, { state }: Inputs, changes: readonly Step[]): Promise<void> {
  const markers = state === undefined ? undefined : Markers.read(state)
  try {
    for (const { write, token, path, sends = {}, allowFailure, action } of changes) {
      if (!write) continue
      try {
        await run.client.send(write.method, write.path, write.data, token)
      } catch (thrown) {
        if (!(thrown instanceof ServerError)) throw thrown
        if (allowFailure !== true || thrown.status === 0) throw Object.assign(thrown, { during: `Error at ${printable(path)}` }) // prettier-ignore
        run.err(`Note: ${printable(path)} failed, as it may: ${thrown.message}`)
        continue
      }
      if (action === 'delete') markers?.forget(path)
      for (const [name, value] of Object.entries(sends)) await markers?.set(path, name, value)
    }
  } finally {
    await markers?.save()
  }
}

/** What a server keeps differently from what it was sent would be a change for ever. */
async function isTaken(run: Run, inputs: Inputs): Promise<boolean> {
  const left = (await stepsOf(run, { ...inputs, resend: false })).filter(({ write, allowFailure }) => write && allowFailure !== true) // prettier-ignore
  for (const { path, fields } of left)
    run.err(
      `Note: ${printable(path)} still differs (${fields.map(({ name }) => printable(name)).join(', ')}): the server keeps it in another form; write it so in the file`,
    )
  return left.length === 0
}
