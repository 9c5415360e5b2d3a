import { Fault, refuse } from '../../contract/fault.ts'
import type { Caller } from '../../contract/identity.ts'
import { folded } from '../../contract/names.ts'
import type { ApiPath } from '../../contract/request.ts'
import type { Route } from '../../contract/route.ts'
import { explain } from '../../policy/explain/explain.ts'
import type { Explanation, Question, Visibility } from '../../policy/explain/explain.ts'
import { compileInSlices } from '../../policy/acl.ts'
import { reasonOf } from '../../policy/explain/reason.ts'
import type { Clock } from '../../util/clock.ts'
import { capabilitiesAt } from '../request/decision/capabilities.ts'
import { reachOf } from '../request/decision/caller.ts'
import { deniedElsewhere, whereLeads } from '../request/decision/other-paths.ts'
import type { Place } from '../request/decision/other-paths.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import type { UnsealedServer } from '../unsealed/unsealed-server.ts'
import type { Subject } from './acl-cache.ts'

/** A request to explain. */
type ExplainedRequest = Omit<Question, 'needsSudo' | 'path'> & { readonly path: ApiPath }

/** Explanations of requests under the policies of a token, or under policies by name. */
interface Explainer {
  own(caller: Caller, request: ExplainedRequest): Promise<Explanation>
  ofAccessor(caller: Caller, accessor: string, request: ExplainedRequest): Promise<Explanation | undefined>
  ofPolicies(caller: Caller, names: readonly string[], request: ExplainedRequest): Promise<Explanation>
}

/**
 * Explains requests in one namespace. A policy is shown only to callers who may read it. The owner of a token may know its
 * rights, with access to `resultant-acl`; names of policies are shown to callers who may read them.
 */
export function explainer(opened: () => UnsealedServer, here: () => Namespace, clock: Pick<Clock, 'now'>): Explainer {
  const explained = async (
    { policies, principal }: Subject,
    request: ExplainedRequest,
    reach: string,
    visibility: Visibility,
  ): Promise<Explanation> => {
    const { access, path, read, place } = routeOf(here(), request)
    if (access === 'public') return open
    const question = { ...request, ...read, path: reach + path, needsSudo: access === 'sudo' }
    const acl = await compileInSlices(policies, clock, principal)
    const denied = place && deniedElsewhere({ ...place, reach: reach + place.reach }, acl, question)
    return explain({ policies, acl }, { ...question, path: denied ?? question.path }, clock.now(), visibility)
  }
  return {
    own: async ({ token, root }, request) => {
      const { acls, namespaces } = opened()
      const home = token && namespaces.byId(token.namespace)
      const reach = reachOf(home, here())
      if (!home || reach === undefined) throw new Fault('unauthenticated', 'permission denied')
      // The policies belong to the namespace of the token, and so does the right to read them.
      const acl = await acls.of(token)
      const reads = (path: string): boolean => root || capabilitiesAt(acl, home, path).includes('read')
      const all = reads('sys/internal/ui/resultant-acl')
      const name = (policy: string): boolean => reads(policyPath(policy))
      const visibility = { name, rules: (policy: string) => all || name(policy) }
      const subject = await acls.subject(token)
      const own = await explained(subject, request, reach, visibility)
      const policies = own.allowed ? await acls.ceiling(token) : undefined
      return policies ? explained({ ...subject, policies }, request, reach, visibility) : own
    },
    ofAccessor: async (caller, accessor, request) => {
      const { acls, tokens } = opened()
      const token = await tokens.byAccessor(here().id, accessor)
      if (!token) return undefined
      const name = await mayRead(opened(), here(), caller)
      return explained(await acls.subject(token), request, '', { name, rules: name })
    },
    ofPolicies: async (caller, wanted, request) => {
      const names = [...new Set(wanted.map(folded))]
      const name = await mayRead(opened(), here(), caller)
      if (!names.every(name)) throw new Fault('permission_denied', 'permission denied')
      const policies = await opened().acls.policies(here().id, names)
      const missing = names.find((one) => !policies.some((policy) => policy.name === one))
      if (missing !== undefined) throw refuse(`there is no policy named "${missing}"`)
      return explained({ policies }, request, '', { name, rules: name })
    },
  }
}

/** Determines which policies of the namespace of a request its caller may read. */
async function mayRead(
  { acls, namespaces }: UnsealedServer,
  here: Namespace,
  { token, root }: Caller,
): Promise<(name: string) => boolean> {
  const home = token && namespaces.byId(token.namespace)
  const reach = reachOf(home, here)
  if (root || !token || !home || reach === undefined) return () => root
  const acl = await acls.of(token)
  return (name) => capabilitiesAt(acl, home, reach + policyPath(name)).includes('read')
}

const policyPath = (name: string): string => `sys/policies/acl/${name}`

const open: Explanation = {
  allowed: true,
  ground: 'public',
  reason: reasonOf('public'),
  considered: [],
  leftOut: [],
}

interface Found {
  readonly access: Route['access']
  /** As used for the decision. */
  readonly path: string
  /** How the route reads its parameters. */
  readonly read?: Pick<Question, 'fields' | 'params'>
  /** Where it leads, as the namespace of the question sees it. */
  readonly place?: Place
}

/** The needs of the path itself. Only for paths that every server has: of others it would reveal the mounts. */
function routeOf(here: Namespace, { path: requested, operation }: ExplainedRequest): Found {
  const found = whereLeads(here, requested, operation)
  if (!found) return { access: 'token', path: requested }
  const { route, builtin, path, place } = found
  // A public route responds to all callers: its existence is not secret.
  const access = builtin || route.access === 'public' ? route.access : 'token'
  return { access, path, ...(place && { place, read: { fields: route.fields, params: place.params } }) }
}
