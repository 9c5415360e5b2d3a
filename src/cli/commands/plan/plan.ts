import type { Command, Run } from '../../framework/command.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import { apply, applySaved } from './apply.ts'
import { inputsOf, stepsOf } from './planning.ts'
import { savePlan } from './saved.ts'
import { countOf, showPlan } from './show.ts'
import type { Step } from './steps.ts'

async function plan(run: Run): Promise<number> {
  const inputs = inputsOf(run)
  const steps = await stepsOf(run, inputs)
  await showPlan(run, steps)
  const out = run.flags.string('out')
  if (out !== undefined) await savePlan(run, out, inputs, steps)
  return codeOf(run, steps)
}

/** 0: no changes, or not asked; 2: changes; 1: something that cannot be changed. */
function codeOf({ flags }: Run, steps: readonly Step[]): number {
  if (countOf(steps, 'conflict') > 0) return 1
  return flags.bool('detailed-exitcode') && countOf(steps, 'create', 'update', 'delete') > 0 ? 2 : 0
}

/** With `-detailed-exitcode` the status 2 means changes, so a failure has the status 1. */
const told =
  (command: (run: Run) => Promise<number>) =>
  async (run: Run): Promise<number> => {
    try {
      return await command(run)
    } catch (thrown) {
      if (!(thrown instanceof ServerError) || !run.flags.bool('detailed-exitcode')) throw thrown
      run.err(`Error: ${thrown.message}${thrown.next === '' ? '' : `\n  next: ${thrown.next}`}`)
      return 1
    }
  }

const flags: FlagTable = {
  prune: { kind: 'bool', about: 'Remove objects that the files do not name, of those kinds (mounts, login methods, policies, users, roles) that they name some of.' },
  state: { kind: 'string', about: 'File with hashes of the write-only fields that were sent: changed fields are sent again.' },
  resend: { kind: 'bool', about: 'Send all write-only fields, such as passwords, again.' },
  'detailed-exitcode': { kind: 'bool', about: 'Exit status 0: no changes, 1: error, 2: changes.' },
} // prettier-ignore

/** `plan`. */
export const planCommands: readonly Command[] = [
  {
    name: 'plan',
    about: 'Show the difference between initialize blocks in files and the state of the server; nothing is changed',
    usage: 'FILE…',
    args: [1, Infinity],
    flags: { ...flags, out: { kind: 'string', about: 'File to save the plan in, for apply -plan; it has no secret.' } },
    shows: ['format'],
    run: told(plan),
  },
]

/** `apply`. */
export const applyCommands: readonly Command[] = [
  {
    name: 'apply',
    about: 'Change a server as described by initialize blocks in files, and nothing else; shows the plan first',
    usage: '[FILE…]',
    args: [0, Infinity],
    flags: {
      ...flags,
      plan: { kind: 'string', about: 'A plan that plan -out saved: applied only if it is still the same.' },
      yes: { kind: 'bool', about: 'Do not ask.' },
    },
    shows: ['format'],
    run: told(async (run) =>
      run.flags.has('plan') ? applySaved(run) : apply(run, inputsOf(run), await stepsOf(run, inputsOf(run))),
    ),
  },
]
