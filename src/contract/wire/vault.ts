import { jsonPieces, writeJson } from '../../util/json.ts'
import type { Steps } from '../../util/slices.ts'
import type { Fault, FaultCode } from '../fault.ts'
import type { FormedResponse, WrapInfo } from '../response.ts'

/**
 * Vault's wire format, as far as several parts write it: its protocol, the lines of the audit log, and the text of a wrapped
 * response in a cubbyhole. No other part writes it.
 */

/** The name of Vault's protocol. Audit lines are in its format, and do not repeat the name. */
export const vaultName = 'vault'

/** The parts of a response that stand in the envelope. */
type Content = Pick<FormedResponse, 'data' | 'auth' | 'warnings' | 'leaseDuration' | 'inject'>

/** The JSON of a response in its envelope. @param id the id of the request. @param wrapInfo the token that wraps it, in place of its content */
export function envelope(id: string, content: Content, wrapInfo?: WrapInfo): string {
  const [before, after] = around(id, content, wrapInfo)
  return `${before}${content.data ? writeJson(content.data) : 'null'}${after}`
}

/** The same in pieces, for large data. */
export function* envelopeSteps(id: string, content: Content): Steps<readonly string[]> {
  const [before, after] = around(id, content)
  return [before, ...(yield* jsonPieces(content.data)), after]
}

/** The JSON before and after the data. */
function around(
  id: string,
  { data, auth, warnings, inject, leaseDuration = 0 }: Content,
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

/** Kinds of faults whose message is a list of one, unless the fault has another value (`FaultDetails.listed`). */
const listed: ReadonlySet<FaultCode> = new Set(['permission_denied', 'unsupported_path', 'unsupported_operation'])

/** The text of a fault: `errors` of a response has no other one. Undefined: none, as for what does not exist. */
export function errorText({ code, message, details }: Fault): string | undefined {
  if (code === 'not_found' || message === '') return undefined
  return (details.listed ?? listed.has(code)) ? `1 error occurred:\n\t* ${message}\n\n` : message
}
