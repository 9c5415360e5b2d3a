import { rootNamespace } from '../../contract/identity.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { Response, WrapInfo, Wrapped } from '../../contract/response.ts'
import type { Route } from '../../contract/route.ts'

/** Who keeps answers behind tokens. */
export interface Wrapper {
  /** Puts an answer behind a fresh token of a namespace, at once or not at all. */
  wrap(namespace: NamespaceId, content: Wrapped): Promise<WrapInfo>
  now(): number
}

/** The request whose answer may have to wait. */
interface Wrapping {
  readonly request: Request
  readonly namespace?: { readonly id: NamespaceId }
  readonly route?: Pick<Route, 'carriesKeyShares'>
}

/**
 * The answer, or the token that it waits behind if the caller asked for that. What says nothing (a 204, a plain 404) has
 * nothing to wrap, and a wrapping is not wrapped again.
 */
export async function wrapAnswer(
  wrapper: Wrapper,
  { request, namespace, route }: Wrapping,
  response: Response,
): Promise<Response> {
  const { warnings } = response
  if (request.wrapTtl === undefined || response.wrapInfo || !saysSomething(response)) return response
  const wrapInfo = await wrapper.wrap(namespace?.id ?? rootNamespace, {
    response: { ...kept(response), ...(route?.carriesKeyShares && { carriesKeyShares: true }) },
    requestId: request.id,
    creationPath: pathOf(request),
    creationTime: wrapper.now(),
    creationTtl: request.wrapTtl,
  })
  return { wrapInfo, ...(warnings && { warnings }) }
}

function saysSomething({ data, auth, plain, warnings }: Response): boolean {
  return data !== undefined || auth !== undefined || plain !== undefined || (warnings?.length ?? 0) > 0
}

/** The parts of an answer that are the same whenever it is given. */
function kept({ status, data, plain, contentType, auth, warnings, leaseDuration }: Response): Response {
  return {
    ...(status !== undefined && { status }),
    ...(data !== undefined && { data }),
    ...(plain !== undefined && { plain }),
    ...(contentType !== undefined && { contentType }),
    ...(auth && { auth }),
    ...(warnings && { warnings }),
    ...(leaseDuration !== undefined && { leaseDuration }),
  }
}

/** A list is of a folder, however it was spelt. */
function pathOf({ path, operation }: Request): string {
  const listing = operation === 'list' || operation === 'scan'
  return listing && !path.endsWith('/') ? `${path}/` : path
}
