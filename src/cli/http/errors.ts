import type { Json } from '../../util/json.ts'
import { printable } from '../output/printable.ts'

/** The server refused, or could not be reached: exit status 2. */
export class ServerError extends Error {
  /** 0 without a response. */
  readonly status: number
  readonly body: Json | undefined
  /** The next step, on its own line; empty if the message contains it. */
  next = ''
  /** The step that failed, if the command has several; empty to leave it out. */
  during?: string

  constructor(message: string, status = 0, body?: Json) {
    super(message)
    this.status = status
    this.body = body
  }

  /** The same with a next step, if the command has a better one than the response. */
  withHint(next: string): ServerError {
    const hinted = Object.assign(new ServerError(this.message, this.status, this.body), { next })
    return this.during === undefined ? hinted : Object.assign(hinted, { during: this.during })
  }

  /** Whether the server reports that there is nothing: 404 with an empty list of errors. */
  get isAbsence(): boolean {
    const errors = this.body?.['errors']
    return this.status === 404 && Array.isArray(errors) && errors.length === 0
  }

  /** Whether the requested namespace does not exist, or is inaccessible for this token. */
  get isUnknownNamespace(): boolean {
    const errors = this.body?.['errors']
    return this.status === 404 && Array.isArray(errors) && errors.includes('namespace not found')
  }

  /** Whether the server lacks this route. */
  get isUnsupported(): boolean {
    return this.status === 404 && JSON.stringify(this.body?.['errors'] ?? '').includes('unsupported path')
  }
}

/** A request as messages name it. */
export interface RequestLine {
  readonly method: string
  readonly url: URL
  readonly namespace: string
  /** Whether a token was sent. */
  readonly hasToken: boolean
}

/** The parts of a response that a message needs. */
export interface ErrorResponse {
  readonly status: number
  readonly body: Json | undefined
  readonly text: string
}

/** A refusal in the format of Vault's clients; scripts parse its `Code:` and its bullets. */
export function refusal(sent: RequestLine, { status, body, text }: ErrorResponse): string {
  const errors = body && (Array.isArray(body['errors']) ? body['errors'].map(String) : [])
  const bare = !errors || (sent.method === 'PATCH' && status === 404 && errors.length === 0)
  const list = bare
    ? ` Raw Message:\n\n${errors ? '' : excerpt(text)}`
    : ` Errors:\n\n${errors.map((error) => `* ${printable(error, { lines: true })}`).join('\n')}`
  return `Error making API request.\n\n${request(sent)}\nCode: ${status}.${list}`
}

/** A response that is not of Vault's API, with the reason. */
export function unexpectedResponse(sent: RequestLine, { status }: Pick<ErrorResponse, 'status'>, what: string): string {
  return `Error making API request.\n\n${request(sent)}\nCode: ${status}. ${what}`
}

const whose = 'is this the address of a server, and not of a proxy or load balancer?'

/** The reason for a proxy's page, or an incomplete document. */
export const notJson = (text: string): string => `The response is not JSON; ${whose}\n\n${excerpt(text)}`

/** The reason for a redirect that was not followed. */
export const notFollowed = (location: string): string => `The redirect to ${printable(location)} was not followed.`

/** The reason for a response without any of the requested members. */
export const missing = (body: Json | undefined, members: readonly string[]): string =>
  `${body ? `The response has no "${members.join('" or "')}"` : 'The response is empty'}: what was asked for is not known to be done; ${whose}`

/** Without the name and password in an address. */
function request({ method, url, namespace }: RequestLine): string {
  const path = `${url.origin}${url.pathname}${url.search}`
  return `${namespace ? `Namespace: ${namespace}/\n` : ''}URL: ${method} ${path}`
}

const longest = 300

/** The beginning of an unexpected response, such as a proxy's page, on one line. */
function excerpt(text: string): string {
  // Tags are searched for in the beginning only: the whole may be long, and crafted to be slow to search.
  const beginning = text.slice(0, 4096)
  const words = /^\s*</.test(beginning)
    ? beginning.replace(/<(style|script)\b[^>]{0,200}>.{0,4096}?<\/\1>|<[^<>]{0,500}>/gis, ' ').replace(/\s+/g, ' ')
    : beginning
  const line = printable(words, { lines: true }).trim()
  return line.length > longest ? `${line.slice(0, longest)}…` : line
}

/** An error on the way to a server. */
export type ConnectionError = Error & { readonly code?: string }

interface Explanation {
  readonly when: RegExp
  readonly explain: (url: URL) => string
}

/** Why there was no response, by Node's error code and message, with a next step. The first match is used. */
const explanations: readonly Explanation[] = [
  {
    when: /^ECONNREFUSED /,
    explain: ({ origin }) =>
      `no server is listening at ${origin}\n  next: start one, or give its address with -address or VAULT_ADDR`,
  },
  {
    when: /^(ENOTFOUND|EAI_AGAIN) /,
    explain: ({ hostname }) => `cannot resolve the host ${hostname}\n  next: check the name in -address or VAULT_ADDR`,
  },
  {
    when: /^(EHOSTUNREACH|ENETUNREACH|ETIMEDOUT) /,
    explain: ({ origin }) => `${origin} is unreachable\n  next: check the address and the network`,
  },
  {
    when: /^EPROTO .*wrong version number|packet length too long/,
    explain: ({ origin, host }) => `${origin} speaks plain HTTP\n  next: export VAULT_ADDR='http://${host}'`,
  },
  {
    when: /alert (certificate required|bad certificate|unknown ca|handshake failure)/,
    explain: ({ origin }) =>
      `${origin} does not accept the client certificate\n  next: give a certificate that it trusts with -client-cert and -client-key`,
  },
  {
    when: /^CERT_HAS_EXPIRED /,
    explain: ({ origin }) =>
      `the certificate of ${origin} has expired\n  next: ask the operator of the server to renew it`,
  },
  {
    when: /^ERR_TLS_CERT_ALTNAME_INVALID /,
    explain: ({ origin, hostname }) =>
      `the certificate of ${origin} is not valid for ${hostname}\n  next: use a name in the certificate, or give one with -tls-server-name`,
  },
  {
    when: /self.signed|unable to (verify|get)/i,
    explain: ({ origin }) =>
      `the certificate of ${origin} is not trusted\n  next: give its CA certificate with -ca-cert or VAULT_CACERT`,
  },
  { when: /^HPE_/, explain: ({ origin }) => `${origin} does not speak HTTP` },
]

/** Why there was no response, with a next step. */
export function unreachable(url: URL, { code = '', message }: ConnectionError): string {
  if (code === 'ECONNRESET' && url.protocol === 'http:')
    return `${url.origin} closed the connection; it may speak TLS\n  next: export VAULT_ADDR='https://${url.host}'`
  const explanation = explanations.find(({ when }) => when.test(`${code} ${message}`))
  return explanation ? explanation.explain(url) : `${url.origin} cannot be reached: ${printable(message)}`
}
