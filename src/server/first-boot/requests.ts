import { readFile } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { Fault, asFault } from '../../contract/fault.ts'
import { apiPath } from '../../contract/request.ts'
import type { Operation, Request } from '../../contract/request.ts'
import type { FormedResponse } from '../../contract/response.ts'
import { randomBytes } from '../../crypto/fast/random.ts'
import { plain } from '../../profile/evaluate.ts'
import { NotThere } from '../../profile/history.ts'
import { ProfileError } from '../../profile/profile.ts'
import type { ProfileBlock, ProfileOperation, ProfileRequest } from '../../profile/profile.ts'
import { ProfileRun } from '../../profile/run.ts'
import type { EvaluatedRequest } from '../../profile/run.ts'
import type { Secret } from '../../util/secret.ts'
import type { FirstBootParts } from './first-boot.ts'

/**
 * Performs the requests of the blocks in their order. @returns how many were performed
 * @throws Error naming the one that failed
 */
export async function performAll(parts: FirstBootParts, root: Secret<string>): Promise<number> {
  const { blocks, clock } = parts
  const run = new ProfileRun({
    now: () => clock.now(),
    uuid: randomUUID,
    random: randomBytes,
    env: (name) => process.env[name],
    file: readFile,
  })
  let performed = 0
  for (const block of blocks) {
    if (!(await placed(block.name, undefined, async () => run.applies(block)))) continue
    for (const spec of block.requests)
      if (await placed(block.name, spec, async () => performOne(parts, run, { block, spec, root }))) performed++
  }
  return performed
}

interface Step {
  readonly block: ProfileBlock
  readonly spec: ProfileRequest
  readonly root: Secret<string>
}

/** @returns whether it was performed: `when` may be false */
async function performOne({ core, events }: FirstBootParts, run: ProfileRun, step: Step): Promise<boolean> {
  const { block, spec, root } = step
  const request = await run.request(block.name, spec)
  if (!(await run.applies(spec))) return false
  try {
    const head = headOf(request, request.token ?? root)
    const admitted = await core.pipeline.admit(head)
    run.answered(request, answerOf(await admitted.handle({ data: plain(request.data ?? {}) as Request['data'] })))
  } catch (thrown) {
    const { message, code } = asFault(thrown)
    if (!request.allowFailure) throw new Error(`${request.operation} ${request.path}: ${message}`, { cause: thrown })
    events.tell('first_boot_request_failed', { request: `${block.name}.${spec.name}`, why: `${code}: ${message}` })
  }
  return true
}

/** Errors with the place of the request. */
async function placed<T>(block: string, spec: ProfileRequest | undefined, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (thrown) {
    if (!(thrown instanceof Error)) throw thrown
    const line = thrown instanceof ProfileError ? ` (line ${thrown.at.line})` : ''
    const at = spec ? `initialize "${block}", request "${spec.name}"` : `initialize "${block}"`
    const known = thrown instanceof ProfileError || thrown instanceof NotThere || thrown.cause !== undefined
    if (!known) throw thrown
    throw new Error(`${at}${line}: ${thrown.message}; correct it and start again: the first boot begins anew`, { cause: thrown }) // prettier-ignore
  }
}

const operationOf: Readonly<Record<ProfileOperation, Operation>> = {
  create: 'write',
  update: 'write',
  read: 'read',
  list: 'list',
  scan: 'scan',
  patch: 'patch',
  delete: 'delete',
  help: 'help',
}

function headOf(request: EvaluatedRequest, token: Secret<string>): Omit<Request, 'data'> {
  const path = apiPath(request.path)
  if (path === undefined || path === '') throw new Fault('invalid_request', 'the path is none: it may have no empty segment, "." or ".."') // prettier-ignore
  return {
    id: randomUUID(),
    protocol: 'vault',
    operation: operationOf[request.operation],
    path,
    namespace: '',
    credential: token.reveal() === '' ? { kind: 'none' } : { kind: 'token', token },
    client: { address: '127.0.0.1', port: 0 },
    headers: request.headers,
  }
}

/** What later requests can refer to, by the names of Vault's responses. */
function answerOf({ data, plain: whole, auth, warnings, wrapInfo }: FormedResponse): Readonly<Record<string, unknown>> {
  const payload = data ?? (typeof whole === 'object' ? whole : undefined) ?? null
  return { data: payload, auth: auth ?? null, warnings: warnings ?? null, wrap_info: wrapInfo ?? null }
}
