import { plain } from '../../../profile/evaluate.ts'
import type { EvaluatedRequest } from '../../../profile/run.ts'
import type { Json } from '../../../util/json.ts'
import { Secret } from '../../../util/secret.ts'
import { member } from './differences.ts'
import { kindAt } from './kinds.ts'
import type { Kind, Write } from './kinds.ts'
import type { Markers } from './markers.ts'
import { tokenOf } from './server-state.ts'
import type { ServerState } from './server-state.ts'
import type { Wanted } from './wanted.ts'

/** A field of a step, as it may be shown. */
export interface Field {
  readonly name: string
  /** Absent: there is none, or it may not be shown. */
  readonly before?: unknown
  readonly after?: unknown
  /** `secret`: its value is not shown; `write-only`: the server does not show it either. */
  readonly is?: 'secret' | 'write-only'
}

/** What happens at one path. `leave`: nothing, for a reason; `conflict`: nothing can be applied before it is solved. */
export interface Step {
  readonly action: 'create' | 'update' | 'delete' | 'same' | 'leave' | 'conflict'
  readonly path: string
  readonly kind: Kind['name']
  readonly fields: readonly Field[]
  readonly why?: string
  readonly write?: Write
  readonly token?: { readonly token?: string }
  readonly allowFailure?: boolean
  /** Write-only fields that it sends, for their markers. */
  readonly sends?: Json
}

/** How write-only fields are treated. */
export interface StepOptions {
  readonly markers: Markers | undefined
  /** Sends all of them. */
  readonly resend: boolean
}

/** The step for what a file wants. */
export async function stepFor(wanted: Wanted, state: ServerState, options: StepOptions): Promise<Step> {
  const { request, unknown } = wanted
  if (!request) return { action: 'leave', path: wanted.name, kind: 'data', fields: [], why: unknown ?? '' }
  const { path, allowFailure } = request
  const kind = await kindAt(path, state)
  const common = { path, kind: kind.name, token: tokenOf(request), allowFailure, fields: [] }
  const current = await kind.current(state, common.token)
  if (current === 'unreadable')
    return { ...common, action: 'leave', why: 'it is an action, not a state: the server does not show what it took' }
  if (request.operation === 'delete')
    return current ? { ...common, action: 'delete', write: { method: 'DELETE', path } } : { ...common, action: 'same' }
  return current ? changed(request, kind, current, options, common) : created(request, kind, common)
}

type Common = Omit<Step, 'action'>

function created({ path, data = {} }: EvaluatedRequest, kind: Kind, common: Common): Step {
  const fields = Object.entries(data).map(([name, value]) => shown(kind, name, { after: value }))
  const sent = plain(data) as Json
  const sends = Object.fromEntries(Object.entries(sent).filter(([name]) => isSecretName(name)))
  return { ...common, action: 'create', fields, write: { method: 'POST', path, data: sent }, sends }
}

async function changed(
  { path, data = {}, operation }: EvaluatedRequest,
  kind: Kind,
  current: Json,
  { markers, resend }: StepOptions,
  common: Common,
): Promise<Step> {
  const wanted = plain(data) as Json
  const names = Object.keys(wanted)
  const hidden = names.filter((name) => kind.part(current, name) === undefined)
  const differing = names.filter((name) => !hidden.includes(name) && !kind.same(name, wanted[name], kind.part(current, name))) // prettier-ignore
  const sent: string[] = []
  for (const name of hidden) if (resend || (markers && !(await markers.has(path, name, wanted[name])))) sent.push(name)
  const all = [...differing, ...sent]
  const fields = [
    ...differing.map((name) => shown(kind, name, { before: kind.part(current, name), after: member(data, name) })),
    ...sent.map((name): Field => ({ name, is: 'write-only' })),
  ]
  const left = hidden.filter((name) => !sent.includes(name))
  const why = markers || left.length === 0 ? {} : { why: `write-only, not compared: ${left.join(', ')}` }
  if (all.length === 0) return { ...common, action: 'same', ...why }
  const conflict = kind.conflict(all)
  if (conflict !== undefined) return { ...common, action: 'conflict', fields, why: conflict }
  const body = Object.fromEntries(Object.entries(wanted).filter(([name]) => !left.includes(name)))
  const write = operation === 'patch' ? { method: 'PATCH' as const, path, data: body } : kind.update(path, body, all)
  const sends = Object.fromEntries(hidden.filter((name) => sent.includes(name)).map((name) => [name, wanted[name]]))
  return { ...common, action: 'update', fields, write, sends, ...why }
}

const secretName =
  /(^|_)(pass|password|passphrase|bindpass|secret|secret_id|token|key|hash|private_key|pem|credentials?)$/i

const isSecretName = (name: string): boolean => secretName.test(name)

/** Values of sources are shown only in policies: they are what everybody may read who may read policies. */
function shown(kind: Kind, name: string, { before, after }: Pick<Field, 'before' | 'after'>): Field {
  const isPolicy = kind.name === 'policy'
  const isSecret = isSecretName(name) || hasSecretName([before, after]) || (!isPolicy && hasSecret(after))
  if (!kind.shows || isSecret) return { name, is: 'secret' }
  return { name, ...(before !== undefined && { before }), after: plain(after) }
}

function hasSecretName(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(([name, one]) => isSecretName(name) || hasSecretName(one))
}

function hasSecret(value: unknown): boolean {
  if (value instanceof Secret) return true
  return typeof value === 'object' && value !== null && Object.values(value).some(hasSecret)
}
