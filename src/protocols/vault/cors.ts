import type { CrossOrigin } from '../../contract/browser.ts'
import type { HttpHead, HttpResponse } from '../../contract/protocol.ts'

/** The verbs that a page of another origin may use. */
const methods = ['DELETE', 'GET', 'OPTIONS', 'POST', 'PUT', 'LIST', 'SCAN']

/**
 * The rules of the Fetch standard's CORS protocol for a request from a page: the whole response (a preflight, or a
 * refusal), or headers to add to the response; undefined: nothing. A request without an Origin is not from a page.
 */
export function crossOrigin(
  rules: CrossOrigin | undefined,
  { verb, headers: sent }: HttpHead,
): { readonly answer: HttpResponse } | { readonly headers: Readonly<Record<string, string>> } | undefined {
  const { origin } = sent
  if (!rules || !origin) return undefined
  const any = rules.allowedOrigins[0] === '*'
  if (!any && !rules.allowedOrigins.includes(origin))
    return { answer: { status: 403, body: '{"errors":["origin not allowed"]}\n' } }
  const headers = {
    'Access-Control-Allow-Origin': origin,
    Vary: 'Origin',
    ...(rules.allowCredentials && !any && { 'Access-Control-Allow-Credentials': 'true' }),
  }
  if (verb !== 'OPTIONS') return { headers }
  const wanted = sent['access-control-request-method'] ?? ''
  if (!methods.includes(wanted)) return { answer: { status: 405, body: undefined } }
  const preflight = {
    'Access-Control-Allow-Methods': methods.join(','),
    'Access-Control-Allow-Headers': rules.allowedHeaders.join(','),
    'Access-Control-Max-Age': '300',
  }
  return { answer: { status: 200, body: undefined, headers: { ...headers, ...preflight } } }
}
