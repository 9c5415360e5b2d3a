import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { blocksIn } from './files.ts'
import { Markers } from './markers.ts'
import { pruned } from './prune.ts'
import type { Inputs } from './saved.ts'
import { ServerState } from './server-state.ts'
import { stepFor } from './steps.ts'
import type { Step } from './steps.ts'
import { wantedBy } from './wanted.ts'

/** The steps from what the server has to what the files say; nothing is written. */
export async function stepsOf(run: Run, { files, prune, resend, state: file }: Inputs): Promise<readonly Step[]> {
  const { wanted, named } = await wantedBy(run, blocksIn(run, files))
  const state = new ServerState(run.client)
  const markers = file === undefined ? undefined : Markers.read(file)
  const steps: Step[] = []
  for (const one of wanted) steps.push(await stepFor(one, state, { markers, resend }))
  return prune ? [...steps, ...(await pruned(named, state))] : steps
}

/** @throws UsageError without files */
export function inputsOf({ args: files, flags }: Run): Inputs {
  if (files.length === 0) throw new UsageError('name the files with the initialize blocks, such as people.hcl')
  return { files, prune: flags.bool('prune'), resend: flags.bool('resend'), state: flags.string('state') }
}
