import type { AuditEvent, AuditOutcome } from '../../contract/audit.ts'
import { Fault } from '../../contract/fault.ts'
import type { Principal, TokenRecord } from '../../contract/identity.ts'
import { identityPolicies, rootNamespace } from '../../contract/identity.ts'
import type { Request } from '../../contract/request.ts'
import type { AuthBlock, FormedResponse, WrapInfo } from '../../contract/response.ts'
import { vaultName } from '../../contract/wire/vault.ts'
import { rfc3339 } from '../../util/clock.ts'
import type { Secret } from '../../util/secret.ts'
import { LineValues } from './line-values.ts'
import type { LineOptions } from './line-options.ts'
import {
  bodyOf,
  counted,
  errorOf,
  faultResponse,
  grantingText,
  isListing,
  mountText,
  namespaceText,
} from './line-texts.ts'
import type { Hasher } from './hasher.ts'
import { bootMark } from './marks.ts'
import { perObject } from '../../util/caches/per-object.ts'

/** Kinds of lines about the log itself (docs/formats.md): the last segment of their path. */
export type NoteAbout =
  | 'accepted'
  | 'begin'
  | 'close'
  | 'gap'
  | 'heartbeat'
  | 'keys'
  | 'lost'
  | 'moved'
  | 'open'
  | 'recovery'
  | 'removed'
  | 'restored'
  | 'snapshot'
  | 'space'
  | 'test'
  | 'torn'

/** The parts of a line about the caller; serialised once per token. */
interface TokenText {
  readonly sentToken: Secret<string> | undefined
  readonly principal: Principal | undefined
  readonly auth: string
  readonly request: string
}

/**
 * Writes the lines of one device, in Vault's shape. Lines are JSON objects without their closing brace, because the
 * chain is their last member. Whatever is the same for many requests is written once and kept with its object.
 */
export class LineWriter {
  readonly #values: LineValues
  readonly #options: LineOptions
  /** The newest JSON of each token. */
  readonly #tokens = perObject<TokenRecord, { text?: TokenText }>(() => ({}))
  readonly #events = perObject((event: AuditEvent) => this.#eventText(event, this.#token(event)))

  constructor(hasher: Hasher, options: LineOptions) {
    this.#values = new LineValues(hasher, options)
    this.#options = options
  }

  /** Hashes large data of a request in slices, so that its line can be written at once. */
  async prepareRequest({ request, mount }: AuditEvent): Promise<void> {
    await this.#values.prepare(request.data, mount?.rawRequestKeys)
  }

  /** The same for a response. */
  async prepareResponse({ mount }: AuditEvent, outcome: AuditOutcome): Promise<void> {
    const data = outcome instanceof Fault ? outcome.details.data : (outcome.data ?? bodyOf(outcome.plain))
    await this.#values.prepare(data, mount?.rawResponseKeys)
  }

  /** The line before the operation. `time` is RFC 3339. */
  request(time: string, event: AuditEvent): string {
    return `{"time":"${time}","type":"request",${this.#event(event)}${errorOf(event.decision.error)}${this.#mark()}`
  }

  /** The line after it. @param writer writes what was answered, which may need more care than what was asked */
  response(time: string, event: AuditEvent, outcome: AuditOutcome, writer: LineWriter = this): string {
    const fault = outcome instanceof Fault ? outcome : undefined
    const formed: FormedResponse = outcome instanceof Fault ? faultResponse(outcome) : outcome
    const response = `"response":{${writer.#response(event, formed)}}`
    return `{"time":"${time}","type":"response",${this.#event(event, formed.issued)},${response}${errorOf(fault)}${this.#mark()}`
  }

  /** A line about the log itself, shaped like a request. */
  note(time: string, id: string, about: NoteAbout, data?: Readonly<Record<string, unknown>>): string {
    const namespace = { id: rootNamespace }
    const request = { id, operation: 'update', namespace, path: `sys/audit/${about}`, ...(data && { data }) }
    return `{"time":"${time}","type":"request","request":${JSON.stringify(request)}${this.#mark()}`
  }

  #mark(): string {
    return this.#options.bootSalt ? bootMark : ''
  }

  /** `auth` and `request`, alike on both lines. Only after a login the response line has the new token in `auth`. */
  #event(event: AuditEvent, issued?: FormedResponse['issued']): string {
    return issued ? this.#eventText(event, this.#issued(event, issued)) : this.#events(event)
  }

  #eventText(event: AuditEvent, token: Pick<TokenText, 'auth' | 'request'>): string {
    const { allowed, granting } = event.decision
    const results = `"policy_results":{"allowed":${allowed}${granting && granting.length > 0 ? grantingText(granting) : ''}}`
    return `"auth":{${token.auth}${results}},"request":{${this.#request(event, token.request)}}`
  }

  #request(event: AuditEvent, token: string): string {
    const { request, mount } = event
    const { id, protocol, client, data, wrapTtl } = request
    // A list is of a folder, however it was spelt.
    const path = isListing(event) && !request.path.endsWith('/') ? `${request.path}/` : request.path
    let text = `"id":${JSON.stringify(id)},"operation":"${event.operation}",${mount ? mountText(mount) : ''}${token}`
    text += `"namespace":${namespaceText(event.namespace)},"path":${JSON.stringify(path)}`
    if (Object.keys(data).length > 0) text += `,"data":${this.#values.redact(data, mount?.rawRequestKeys)}`
    text += `,"remote_address":${JSON.stringify(client.address)},"remote_port":${client.port}`
    if (wrapTtl !== undefined && wrapTtl > 0) text += `,"wrap_ttl":${wrapTtl}`
    if (protocol !== vaultName) text += `,"protocol":${JSON.stringify(protocol)}`
    return text + this.#headersOf(request)
  }

  #headersOf(request: Request): string {
    const headers: string[] = []
    for (const [name, hashed] of this.#options.headers) {
      const value = request.headers[name]
      if (value === undefined) continue
      const values = (typeof value === 'string' ? [value] : value).map((item) =>
        hashed || this.#options.strict ? this.#values.text(item) : JSON.stringify(item),
      )
      headers.push(`${JSON.stringify(name)}:[${values.join(',')}]`)
    }
    return headers.length > 0 ? `,"headers":{${headers.join(',')}}` : ''
  }

  #token({ token, principal, request }: AuditEvent): TokenText {
    const sentToken = request.credential.kind === 'token' ? request.credential.token : undefined
    if (token === undefined)
      return {
        sentToken,
        principal,
        auth: '',
        request: sentToken ? `"client_token":${this.#values.text(sentToken.reveal())},` : '',
      }
    const cached = this.#tokens(token)
    const { text } = cached
    if (text && text.principal === principal && text.sentToken?.reveal() === sentToken?.reveal()) return text
    const bearer = sentToken ? this.#values.text(sentToken.reveal()) : undefined
    return (cached.text = { sentToken, principal, ...this.#tokenText(token, bearer, principal) })
  }

  #issued(
    event: AuditEvent,
    { token, bearer }: NonNullable<FormedResponse['issued']>,
  ): Pick<TokenText, 'auth' | 'request'> {
    return {
      auth: this.#tokenText(token, this.#values.text(bearer.reveal())).auth,
      request: this.#token(event).request,
    }
  }

  #tokenText(
    token: TokenRecord,
    bearer: string | undefined,
    principal?: Principal,
  ): { readonly auth: string; readonly request: string } {
    const client = bearer === undefined ? '' : `"client_token":${bearer},`
    const accessor = token.accessor === '' ? undefined : this.#values.accessor(token.accessor)
    const ofIdentity = principal ? identityPolicies(principal) : []
    const auth = {
      display_name: token.displayName,
      policies: ofIdentity.length > 0 ? [...new Set([...token.policies, ...ofIdentity])].sort() : token.policies,
      token_policies: token.policies,
      identity_policies: ofIdentity.length > 0 ? ofIdentity : undefined,
      metadata: token.meta ?? undefined,
      entity_id: token.entityId === '' ? undefined : token.entityId,
      num_uses: token.numUses === 0 ? undefined : token.numUses,
      remaining_uses: token.usesLeft,
      token_type: token.type,
      token_ttl: token.creationTtl,
      token_issue_time: rfc3339(token.issuedAt),
    }
    return {
      auth: `${client}${accessor ? `"accessor":${accessor},` : ''}${JSON.stringify(auth).slice(1, -1)},`,
      request: `${client}${accessor ? `"client_token_accessor":${accessor},` : ''}`,
    }
  }

  #response(event: AuditEvent, formed: FormedResponse): string {
    const { mount } = event
    const parts: string[] = []
    if (formed.auth) parts.push(`"auth":{${this.#auth(formed.auth)}}`)
    if (mount) parts.push(mountText(mount).slice(0, -1))
    if (formed.leaseDuration !== undefined) parts.push('"secret":{}')
    const body = formed.data ?? bodyOf(formed.plain)
    const data = isListing(event) && this.#options.elideLists && formed.data ? counted(formed.data) : body
    if (data !== undefined) parts.push(`"data":${this.#values.redact(data, mount?.rawResponseKeys)}`)
    if (formed.warnings && formed.warnings.length > 0)
      parts.push(`"warnings":${this.#values.warnings(formed.warnings)}`)
    if (formed.wrapInfo) parts.push(`"wrap_info":${this.#wrapping(formed.wrapInfo)}`)
    return parts.join(',')
  }

  #auth(auth: AuthBlock): string {
    const open = {
      policies: auth.policies,
      token_policies: auth.token_policies,
      identity_policies: auth.identity_policies,
      metadata: auth.metadata ?? undefined,
      num_uses: auth.num_uses === 0 ? undefined : auth.num_uses,
      entity_id: auth.entity_id === '' ? undefined : auth.entity_id,
      token_type: auth.token_type,
      token_ttl: auth.lease_duration,
    }
    const accessor = auth.accessor === '' ? '' : `"accessor":${this.#values.accessor(auth.accessor)},`
    // A login inside a request gets no token.
    const token = auth.client_token === '' ? '' : `"client_token":${this.#values.text(auth.client_token)},`
    return `${token}${accessor}${JSON.stringify(open).slice(1, -1)}`
  }

  #wrapping(info: WrapInfo): string {
    const { ttl, token, accessor, creation_time, creation_path, wrapped_accessor: wrapped } = info
    const where = JSON.stringify({ creation_time, creation_path }).slice(1)
    const inner = wrapped === undefined ? '' : `"wrapped_accessor":${this.#values.accessor(wrapped)},`
    return `{"ttl":${ttl},"token":${this.#values.text(token)},"accessor":${this.#values.accessor(accessor)},${inner}${where}`
  }
}
