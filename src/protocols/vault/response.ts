import type { Fault } from '../../contract/fault.ts'
import type { HttpResponse } from '../../contract/protocol.ts'
import type { FormedResponse, ResponseFile } from '../../contract/response.ts'
import { envelope, envelopeSteps, errorText } from '../../contract/wire/vault.ts'
import { jsonPieces, writeJson } from '../../util/json.ts'
import type { Steps } from '../../util/slices.ts'
import { statusOf } from './status.ts'

const json = { 'Content-Type': 'application/json' }

/** The Vault envelope, or the plain body of a few sys paths, or 204 if there is no content. */
export function wireResponse(id: string, response: FormedResponse): HttpResponse {
  const headers = response.headers && { headers: response.headers }
  if (response.plain !== undefined) return bareResponse(response)
  if (response.file) return fileResponse(response.file, response.contentType)
  const { data, auth, warnings, wrapInfo } = response
  if (wrapInfo) return { status: 200, body: `${envelope('', {}, wrapInfo)}\n`, ...headers }
  const silent = data === undefined && auth === undefined && !warnings?.length
  if (silent) return { status: response.status ?? 204, body: undefined, headers: { ...json, ...response.headers } }
  return { status: response.status ?? 200, body: `${envelope(response.requestId ?? id, response)}\n`, ...headers }
}

/** `wireResponse` for large responses, in slices. */
export function* answerSteps(id: string, response: FormedResponse): Steps<HttpResponse> {
  const { data, plain, contentType, inject, wrapInfo, headers } = response
  const whole = wrapInfo !== undefined || contentType !== undefined || (inject && data !== undefined)
  if (whole || (data === undefined && plain === undefined)) return wireResponse(id, response)
  const pieces =
    plain === undefined ? yield* envelopeSteps(response.requestId ?? id, response) : yield* jsonPieces(plain)
  const body: Buffer[] = []
  for (const piece of [...pieces, '\n']) {
    body.push(Buffer.from(piece))
    yield
  }
  return { status: response.status ?? 200, body, ...(headers && { headers }) }
}

/** A file to be saved. */
function fileResponse({ stream, name }: ResponseFile, contentType = 'application/octet-stream'): HttpResponse {
  const headers = { 'Content-Type': contentType, 'Content-Disposition': `attachment; filename="${name}"` }
  return { status: 200, body: stream, headers }
}

/** A body without envelope: a string of its own type, or JSON. */
function bareResponse({ status = 200, plain, contentType, headers = {} }: FormedResponse): HttpResponse {
  if (contentType === undefined) return { status, body: `${writeJson(plain)}\n`, headers }
  return { status, body: String(plain), headers: { ...headers, 'Content-Type': contentType } }
}

/** The response to a failed request. */
export function wireFault(fault: Fault): HttpResponse {
  const { data, warnings, headers, onlyAudited } = fault.details
  const text = onlyAudited ? undefined : errorText(fault)
  return {
    status: statusOf[fault.code],
    body: `${writeJson({ errors: text === undefined ? [] : [text], ...(data && { data }), ...(warnings?.length && { warnings }) })}\n`,
    ...(headers && { headers }),
  }
}
