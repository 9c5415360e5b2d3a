import { NotThere } from '../../../profile/history.ts'
import { ProfileError } from '../../../profile/profile.ts'
import type { ProfileBlock, ProfileRequest } from '../../../profile/profile.ts'
import { ProfileRun } from '../../../profile/run.ts'
import type { EvaluatedRequest } from '../../../profile/run.ts'
import type { Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import { worldOf } from './files.ts'
import { tokenOf } from './server-state.ts'

/** What the files want: a request that writes, or why it cannot be known here. */
export interface Wanted {
  /** `block.request`. */
  readonly name: string
  readonly request?: EvaluatedRequest
  readonly unknown?: string
}

/** Where a request of the files goes, also one that is not performed now. */
export interface Named {
  /** `block.request`. */
  readonly name: string
  /** Undefined: it cannot be known here. */
  readonly path: string | undefined
}

/**
 * What the blocks want, in their order, and all paths that they name. Requests that read are sent, for those that refer to their
 * responses; nothing is written.
 * @throws UsageError for a value that cannot be
 */
export async function wantedBy(
  run: Run,
  blocks: readonly ProfileBlock[],
): Promise<{ readonly wanted: readonly Wanted[]; readonly named: readonly Named[] }> {
  const profile = new ProfileRun(worldOf(run))
  const wanted: Wanted[] = []
  const named: Named[] = []
  for (const block of blocks) {
    const applies = await known(block.name, async () => profile.applies(block))
    for (const spec of block.requests) {
      const name = `${block.name}.${spec.name}`
      const request = applies === false ? undefined : await known(name, async () => ((await profile.applies(spec)) ? profile.request(block.name, spec) : undefined)) // prettier-ignore
      named.push({ name, path: typeof request === 'object' ? request.path : await pathOf(profile, spec) })
      const unknown = [applies, request].find((one): one is string => typeof one === 'string')
      const isSent = unknown === undefined && typeof request === 'object' && reads.includes(request.operation)
      if (isSent) profile.answered(request, await answerTo(run, request))
      else if (unknown !== undefined || request) profile.unanswered(block.name, spec.name, typeof request === 'object')
      if (unknown !== undefined) wanted.push({ name, unknown })
      else if (!isSent && typeof request === 'object') wanted.push({ name, request })
    }
  }
  return { wanted, named }
}

async function pathOf(profile: ProfileRun, spec: ProfileRequest): Promise<string | undefined> {
  try {
    return await profile.path(spec)
  } catch (thrown) {
    if (thrown instanceof NotThere || thrown instanceof ProfileError) return undefined
    throw thrown
  }
}

const reads: readonly string[] = ['read', 'list', 'scan', 'help']

/** @returns why it cannot be known, as text */
async function known<T>(name: string, step: () => Promise<T>): Promise<T | string> {
  try {
    return await step()
  } catch (thrown) {
    if (thrown instanceof NotThere) return 'it needs the response of a request that is not sent here'
    if (thrown instanceof ProfileError) throw new UsageError(`${name} (line ${thrown.at.line}): ${thrown.message}`)
    throw thrown
  }
}

async function answerTo({ client }: Run, request: EvaluatedRequest): Promise<Readonly<Record<string, unknown>>> {
  const query = request.operation === 'list' ? { list: true } : request.operation === 'scan' ? { scan: true } : {}
  try {
    const { body } = await client.send('GET', request.path, undefined, { query, ...tokenOf(request) })
    return body ?? {}
  } catch (thrown) {
    if (thrown instanceof ServerError && request.allowFailure && thrown.status > 0) return {}
    throw thrown
  }
}
