import type { Fault } from '../../contract/fault.ts'
import type { HttpResponse } from '../../contract/protocol.ts'
import type { Response, WrapInfo } from '../../contract/response.ts'
import { jsonPieces, writeJson } from '../../util/json.ts'
import type { Steps } from '../../util/slices.ts'
import { errorTexts, statusOf } from './errors.ts'

const json = { 'Content-Type': 'application/json' }

/** The Vault envelope, or the plain body that a few sys paths have, or 204 when there is nothing to say. */
export function wireAnswer(id: string, response: Response): HttpResponse {
  const headers = response.headers && { headers: response.headers }
  if (response.plain !== undefined) return bareAnswer(response)
  const { data, auth, warnings, wrapInfo } = response
  if (wrapInfo) return { status: 200, body: `${envelope('', {}, wrapInfo)}\n`, ...headers }
  const silent = data === undefined && auth === undefined && !warnings?.length
  if (silent) return { status: response.status ?? 204, body: undefined, headers: { ...json, ...response.headers } }
  return { status: response.status ?? 200, body: `${envelope(response.requestId ?? id, response)}\n`, ...headers }
}

/** `wireAnswer` for what is large, in parts. */
export function* answerSteps(id: string, response: Response): Steps<HttpResponse> {
  const { data, plain, contentType, inject, wrapInfo, headers } = response
  const whole = wrapInfo !== undefined || contentType !== undefined || (inject && data !== undefined)
  if (whole || (data === undefined && plain === undefined)) return wireAnswer(id, response)
  const [before, after] = plain === undefined ? around(response.requestId ?? id, response) : ['', '']
  const written = yield* jsonPieces(plain ?? data)
  const body: Buffer[] = []
  for (const piece of [before, ...written, `${after}\n`]) {
    body.push(Buffer.from(piece))
    yield
  }
  return { status: response.status ?? 200, body, ...(headers && { headers }) }
}

function envelope(id: string, response: Response, wrapInfo?: WrapInfo): string {
  const [before, after] = around(id, response, wrapInfo)
  return `${before}${response.data ? writeJson(response.data) : 'null'}${after}`
}

/** What stands before and behind the data. */
function around(
  id: string,
  { data, auth, warnings, inject, leaseDuration = 0 }: Response,
  wrapInfo?: WrapInfo,
): readonly [string, string] {
  const injected = inject && data ? `${writeJson(data).slice(1, -1)},` : ''
  return [
    `{"request_id":"${id}","lease_id":"","renewable":false,"lease_duration":${leaseDuration},` +
      `${injected === ',' ? '' : injected}"data":`,
    `,"wrap_info":${wrapInfo ? JSON.stringify(wrapInfo) : 'null'},` +
      `"warnings":${warnings?.length ? JSON.stringify(warnings) : 'null'},"auth":${auth ? JSON.stringify(auth) : 'null'}}`,
  ]
}

/** A body without envelope: a text of its own type, or JSON. */
function bareAnswer({ status = 200, plain, contentType, headers = {} }: Response): HttpResponse {
  if (contentType === undefined) return { status, body: `${writeJson(plain)}\n`, headers }
  return { status, body: String(plain), headers: { ...headers, 'Content-Type': contentType } }
}

/** The answer to a request that failed. */
export function wireFault(fault: Fault): HttpResponse {
  const { data, warnings, headers } = fault.details
  return {
    status: statusOf[fault.code],
    body: `${writeJson({ errors: errorTexts(fault), ...(data && { data }), ...(warnings?.length && { warnings }) })}\n`,
    ...(headers && { headers }),
  }
}
