import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { base64, fromBase64, sameText } from '../../../util/bytes.ts'
import type { Run } from '../../framework/command.ts'
import { writeAtomically } from '../../framework/atomic-file.ts'
import { UsageError } from '../../framework/flags.ts'
import { fileText } from '../../framework/request-data.ts'
import { json } from '../../output/json.ts'
import { hashed } from './markers.ts'
import { toldOf } from './show.ts'
import type { Step } from './steps.ts'

/** What a plan was made of. */
export interface Inputs {
  readonly files: readonly string[]
  readonly prune: boolean
  readonly resend: boolean
  readonly state: string | undefined
}

/** A plan in a file: what it told, and a hash by which the same steps are recognised. It has no secret. */
export interface SavedPlan extends Inputs {
  /** Of the server and the namespace that it was made for. */
  readonly address: string
  readonly namespace: string
  readonly salt: string
  readonly hash: string
}

/** @throws UsageError when it cannot be written */
export async function savePlan(run: Run, file: string, inputs: Inputs, steps: readonly Step[]): Promise<void> {
  const salt = randomBytes(16)
  const files = inputs.files.map((name) => resolve(name))
  const state = inputs.state === undefined ? undefined : resolve(inputs.state)
  const { address, namespace } = run.client
  const saved = { format: 1, address, namespace, ...inputs, files, state, steps: steps.map(toldOf), salt: base64(salt), hash: await hashOf(steps, salt) } // prettier-ignore
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${json(saved)}\n`)
  }
  await writeAtomically(file, bytes(), true)
}

/** @throws UsageError for a file that is no plan */
export function readPlan(file: string): SavedPlan {
  let found: Partial<SavedPlan> & { readonly format?: number } = {}
  try {
    found = JSON.parse(fileText(file)) as typeof found
  } catch (thrown) {
    if (thrown instanceof UsageError) throw thrown
  }
  if (
    found.format !== 1 ||
    !Array.isArray(found.files) ||
    typeof found.address !== 'string' ||
    typeof found.namespace !== 'string' ||
    typeof found.salt !== 'string' ||
    typeof found.hash !== 'string'
  )
    throw new UsageError(`${file} is no saved plan: make one with strongroom plan -out=${file} FILE…`)
  const { files, prune = false, resend = false, state, salt, hash, address, namespace } = found
  return { files, prune, resend, state, salt, hash, address, namespace }
}

/** @throws UsageError unless it was made for the server and the namespace that are asked now */
export function checkPlace({ address, namespace }: SavedPlan, { client }: Run): void {
  const named = (server: string, of: string): string => (of === '' ? server : `${server}, namespace ${of}`)
  const [before, now] = [named(address, namespace), named(client.address, client.namespace)]
  if (before === now) return
  throw new UsageError(`the plan was made for ${before}, and this is ${now}: nothing was applied\n  next: make a plan for this one`) // prettier-ignore
}

/** @throws UsageError when the steps of now are not those of the plan */
export async function checkSame({ salt, hash }: SavedPlan, steps: readonly Step[]): Promise<void> {
  if (sameText(await hashOf(steps, fromBase64(salt) ?? new Uint8Array()), hash)) return
  throw new UsageError(
    'the server or the files changed since the plan was made: nothing was applied\n  next: make a new plan, and look at it',
  )
}

const hashOf = async (steps: readonly Step[], salt: Uint8Array): Promise<string> =>
  base64(
    await hashed(
      steps.map((step) => ({ ...toldOf(step), write: step.write, token: step.token })),
      salt,
    ),
  )
