import { explainable } from '../../contract/identity.ts'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Caller } from '../../contract/identity.ts'
import { apiPath } from '../../contract/request.ts'
import type { ApiPath } from '../../contract/request.ts'
import { answer } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'

/** A request to explain. `wrapTtl` in seconds. */
export interface AskedRequest {
  readonly path: ApiPath
  readonly operation: (typeof explainable)[number]
  readonly data: Readonly<Record<string, unknown>>
  readonly wrapTtl?: number
}

/** Why it is allowed or not, as far as the asker may see it. */
export interface Explained {
  readonly allowed: boolean
  /** A word for the reason. */
  readonly ground: string
  readonly reason: string
  readonly considered: readonly {
    readonly path?: string
    readonly templates?: readonly string[]
    readonly policies: readonly string[]
    readonly unnamed: number
    readonly capabilities: readonly string[]
    readonly behind?: string
  }[]
  readonly leftOut: readonly {
    readonly path: string
    readonly policy?: string
    readonly why: 'expired' | 'template' | 'value'
  }[]
  readonly stanza?: string
}

/** The port of these routes: explanations under the policies of the caller, of the owner of an accessor, or by name. */
export interface ExplainPort {
  own(caller: Caller, asked: AskedRequest): Promise<Explained>
  /** Undefined if there is no such accessor. */
  ofAccessor(caller: Caller, accessor: string, asked: AskedRequest): Promise<Explained | undefined>
  /** @throws Fault permission_denied when the caller may not read one of them, invalid_request when it does not exist */
  ofPolicies(caller: Caller, names: readonly string[], asked: AskedRequest): Promise<Explained>
}

/** The limits of one question. */
const most = { path: 8192, parameters: 1000, policies: 100 } as const

type Has = { readonly explain: ExplainPort }
const { write } = routesOf<Has>()
const request = {
  path: f.string('The path of the request, as after /v1/.').or(''),
  operation: f.string(`The operation: ${explainable.join(', ')}.`).or('read'),
  parameters: f.object('The parameters of the request.').or({}),
  wrap_ttl: f.duration('The wrap TTL of the request.').or(0),
}

const explanation = {
  path: f.string('The path of the request.'),
  operation: f.string('The operation of the request.'),
  allowed: f.bool('Whether it is allowed.'),
  ground: f.string('The reason, as one word.'),
  reason: f.string('The reason, as a sentence.'),
  considered: f.array(
    'The rules that match the path, the deciding one first. `templates`: their paths as written, if they have templates.',
  ),
  left_out: f.array('Ignored policies and rules, with the reasons.'),
  suggestion: f.string('A rule that would allow it; null where none would.').orNull(),
}

/** `sys/policies/explain` and `explain-self`: the deciding rule for a request, and a rule that would allow it. */
export function explainRoutes(): Route<Has>[] {
  return [
    write('policies/explain-self', {
      about: 'Explain why a request of the caller is allowed or denied, and suggest a rule.',
      returns: explanation,
      pure: true,
      fields: request,
      handle: async ({ engine, caller }, values) =>
        responseOf(values, await engine.explain.own(caller, requestOf(values))),
    }),
    write('policies/explain', {
      about: 'Explain why a request of a token, or with a set of policies, is allowed or denied, and suggest a rule.',
      returns: explanation,
      pure: true,
      fields: {
        ...request,
        accessor: f
          .string("The accessor of the token; without it, and without policies, the caller's own.")
          .limiting()
          .or(''),
        policies: f
          .list('Names of policies, in place of a token. The caller must be able to read them.')
          .limiting()
          .or([]),
      },
      handle: async ({ engine: { explain: port }, caller }, values) => {
        const { accessor, policies } = values
        if (accessor !== '' && policies.length > 0) throw refuse('give an accessor or policies, not both')
        if (policies.length > most.policies) throw refuse(`one question names at most ${most.policies} policies`)
        if (policies.length > 0) return responseOf(values, await port.ofPolicies(caller, policies, requestOf(values)))
        if (accessor === '') return responseOf(values, await port.own(caller, requestOf(values)))
        const explained = await port.ofAccessor(caller, accessor, requestOf(values))
        if (!explained) throw refuse('invalid accessor', { listed: true })
        return responseOf(values, explained)
      },
    }),
  ]
}

interface RequestValues {
  readonly path: string
  readonly operation: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly wrap_ttl: number
}

function requestOf({
  path: requested,
  operation: word,
  parameters: data,
  wrap_ttl: wrapTtl,
}: RequestValues): AskedRequest {
  if (requested.length > most.path)
    throw refuse(`path is longer than ${most.path} characters: no request has such a one`)
  if (Object.keys(data).length > most.parameters) throw refuse(`one question has at most ${most.parameters} parameters`)
  const path = apiPath(requested.replace(/^\/?v1\//, ''))
  if (path === undefined || path === '') throw refuse('path must be the path of a request, such as secret/data/app')
  const operation = explainable.find((one) => one === word)
  if (!operation)
    throw refuse(
      `operation must be one of ${explainable.join(', ')}; a write is "update" where something is there, and "create" where nothing is`,
    )
  return { path, operation, data, ...(wrapTtl > 0 && { wrapTtl }) }
}

function responseOf(values: RequestValues, explained: Explained): Response {
  const { allowed, ground, reason, considered, leftOut, stanza } = explained
  return answer({
    path: values.path,
    operation: values.operation,
    allowed,
    ground,
    reason,
    considered: considered.map(({ path, templates, policies, unnamed, capabilities, behind }) => ({
      path: path ?? null,
      ...(templates && { templates }),
      policies,
      unnamed_policies: unnamed,
      capabilities,
      behind: behind ?? null,
    })),
    left_out: leftOut.map(({ path, policy, why }) => ({ path, policy: policy ?? null, why })),
    suggestion: stanza ?? null,
  })
}
