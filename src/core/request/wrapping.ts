import { rootNamespace } from '../../contract/identity.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { FormedResponse, WrapInfo, Wrapped } from '../../contract/response.ts'
import type { Route } from '../../contract/route.ts'

/** Stores wrapped responses. */
export interface Wrapper {
  /** Wraps a response with a new token of a namespace, in one commit. */
  wrap(namespace: NamespaceId, content: Wrapped): Promise<WrapInfo>
  now(): number
}

/** The request whose response may be wrapped. */
interface Wrapping {
  readonly request: Request
  readonly namespace?: { readonly id: NamespaceId }
  readonly route?: Pick<Route, 'neverRaw'>
}

/**
 * The response, or its wrapping token if the caller requested wrapping. An empty response (a 204, a plain 404) is not
 * wrapped, and a wrapped one is not wrapped again.
 */
export async function wrapResponse(
  wrapper: Wrapper,
  { request, namespace, route }: Wrapping,
  response: FormedResponse,
): Promise<FormedResponse> {
  const { warnings, issued } = response
  if (request.wrapTtl === undefined || response.wrapInfo || !hasContent(response)) return response
  const wrapInfo = await wrapper.wrap(namespace?.id ?? rootNamespace, {
    response: { ...repeatable(response), ...(route?.neverRaw && { neverRaw: true }) },
    requestId: request.id,
    creationPath: pathOf(request),
    creationTime: wrapper.now(),
    creationTtl: request.wrapTtl,
  })
  return { wrapInfo, ...(warnings && { warnings }), ...(issued && { issued }) }
}

function hasContent({ data, auth, plain, warnings }: FormedResponse): boolean {
  return data !== undefined || auth !== undefined || plain !== undefined || (warnings?.length ?? 0) > 0
}

/** The parts of a response that do not depend on the request that receives it. */
function repeatable({
  status,
  data,
  plain,
  contentType,
  auth,
  accessor,
  warnings,
  leaseDuration,
}: FormedResponse): FormedResponse {
  return {
    ...(status !== undefined && { status }),
    ...(data !== undefined && { data }),
    ...(plain !== undefined && { plain }),
    ...(contentType !== undefined && { contentType }),
    ...(auth && { auth }),
    ...(accessor !== undefined && { accessor }),
    ...(warnings && { warnings }),
    ...(leaseDuration !== undefined && { leaseDuration }),
  }
}

/** A list is of a folder, with or without its slash. */
function pathOf({ path, operation }: Request): string {
  const listing = operation === 'list' || operation === 'scan'
  return listing && !path.endsWith('/') ? `${path}/` : path
}
