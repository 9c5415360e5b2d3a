import type { AuditEvent, AuditMount, AuditOutcome } from '../contract/audit.ts'
import { Fault } from '../contract/fault.ts'
import type { TokenRecord } from '../contract/identity.ts'
import type { AuthBlock } from '../contract/response.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Hasher } from './hasher.ts'
import { redact } from './redact.ts'

/** How one device writes its lines. */
export interface LineOptions {
  readonly raw: boolean
  readonly hmacAccessor: boolean
  readonly elideLists: boolean
  /** Request headers to record, by lower-case name; true: hashed. */
  readonly headers: ReadonlyMap<string, boolean>
  /** Lines written before the stored salt can be read carry hashes under a salt of this boot only. */
  readonly bootSalt: boolean
}

/**
 * Writes audit lines for one device: Vault-shaped JSON objects, still without the closing brace, so that the chain can
 * add its link. What stays the same over many requests (token, mount) is written once and kept.
 */
export class LineWriter {
  readonly #hasher: Hasher
  readonly #options: LineOptions
  readonly #tokens = new WeakMap<
    TokenRecord,
    { readonly token: string; readonly accessor: string; readonly auth: string }
  >()
  readonly #mounts = new WeakMap<AuditMount, string>()
  #second = { at: NaN, text: '' }

  constructor(hasher: Hasher, options: LineOptions) {
    this.#hasher = hasher
    this.#options = options
  }

  request(event: AuditEvent, now: number): string {
    return `${this.#head('request', event, now)},"error":${errorOf(event.decision.error)}`
  }

  response(event: AuditEvent, outcome: AuditOutcome, now: number): string {
    const fault = outcome instanceof Fault ? outcome : undefined
    return `${this.#head('response', event, now)},"response":${this.#answer(event, outcome)},"error":${errorOf(fault)}`
  }

  #head(type: string, event: AuditEvent, now: number): string {
    const mark = this.#options.bootSalt ? ',"salt":"boot"' : ''
    return `{"time":"${this.#time(now)}","type":"${type}"${mark},"auth":${this.#auth(event)},"request":${this.#request(event)}`
  }

  #auth(event: AuditEvent): string {
    const { allowed, granting = [] } = event.decision
    const results = `"policy_results":{"allowed":${allowed}${granting.length > 0 ? `,"granting_policies":${JSON.stringify(granting)}` : ''}}`
    if (!event.token) return `{${results}}`
    const uses = event.token.usesLeft === undefined ? '' : `,"remaining_uses":${event.token.usesLeft}`
    return `{${this.#tokenParts(event.token, event).auth},${results}${uses}}`
  }

  #tokenParts(
    token: TokenRecord,
    event: AuditEvent,
  ): { readonly token: string; readonly accessor: string; readonly auth: string } {
    const known = this.#tokens.get(token)
    if (known) return known
    const credential = event.request.credential
    const bearer = this.#text(credential.kind === 'token' ? credential.token.reveal() : '', event)
    const accessor = this.#options.hmacAccessor ? this.#text(token.accessor, event) : JSON.stringify(token.accessor)
    const auth = JSON.stringify({
      display_name: token.displayName,
      policies: token.policies,
      token_policies: token.policies,
      ...(token.meta && { metadata: token.meta }),
      ...(token.numUses > 0 && { num_uses: token.numUses }),
      ...(token.entityId && { entity_id: token.entityId }),
      token_type: token.type,
      token_ttl: token.creationTtl,
      token_issue_time: rfc3339(token.issuedAt),
    })
    const parts = {
      token: bearer,
      accessor,
      auth: `"client_token":${bearer},"accessor":${accessor},${auth.slice(1, -1)}`,
    }
    this.#tokens.set(token, parts)
    return parts
  }

  #request(event: AuditEvent): string {
    const { request, mount, token } = event
    const { credential, client } = request
    const shown = token ? this.#tokenParts(token, event) : undefined
    const bearer =
      shown?.token ?? (credential.kind === 'token' ? this.#text(credential.token.reveal(), event) : undefined)
    const open = new Set(mount?.openRequestKeys ?? [])
    const data =
      Object.keys(request.data).length > 0
        ? `,"data":${redact(request.data, this.#hasher, open, this.#raw(event))}`
        : ''
    return (
      `{"id":"${request.id}","operation":"${event.operation}"${mount ? `,${this.#mount(mount)}` : ''}` +
      `${bearer === undefined ? '' : `,"client_token":${bearer}`}${shown ? `,"client_token_accessor":${shown.accessor}` : ''}` +
      `,"namespace":{"id":"root"},"path":${JSON.stringify(request.path)}${data}` +
      `,"remote_address":${JSON.stringify(client.address)},"remote_port":${client.port}` +
      `${request.wrapTtl === undefined ? '' : `,"wrap_ttl":${request.wrapTtl}`}${this.#headers(event)}}`
    )
  }

  #answer(event: AuditEvent, outcome: AuditOutcome): string {
    const mount = event.mount ? this.#mount(event.mount) : ''
    const parts = mount === '' ? [] : [mount]
    if (!(outcome instanceof Fault)) {
      if (outcome.auth) parts.push(`"auth":${this.#authBlock(outcome.auth, event)}`)
      const body = outcome.data ?? (outcome.plain as Readonly<Record<string, unknown>> | undefined)
      if (body && typeof body === 'object') parts.push(`"data":${this.#data(body, event)}`)
      if (outcome.warnings?.length) parts.push(`"warnings":${JSON.stringify(outcome.warnings)}`)
    }
    return `{${parts.join(',')}}`
  }

  #data(data: Readonly<Record<string, unknown>>, event: AuditEvent): string {
    const listing = event.operation === 'list' || event.operation === 'scan'
    const shown = this.#options.elideLists && listing ? elided(data) : data
    return redact(shown, this.#hasher, new Set(event.mount?.openResponseKeys ?? []), this.#raw(event))
  }

  #authBlock(auth: AuthBlock, event: AuditEvent): string {
    const accessor = this.#options.hmacAccessor ? this.#text(auth.accessor, event) : JSON.stringify(auth.accessor)
    const { client_token, accessor: _, ...rest } = auth
    return `{"client_token":${this.#text(client_token, event)},"accessor":${accessor},${JSON.stringify(rest).slice(1)}`
  }

  #headers(event: AuditEvent): string {
    if (this.#options.headers.size === 0) return ''
    const shown: string[] = []
    for (const [name, hashed] of this.#options.headers) {
      const value = event.request.headers[name]
      if (value === undefined) continue
      const values = typeof value === 'string' ? [value] : value
      shown.push(
        `${JSON.stringify(name)}:[${values.map((one) => (hashed ? this.#text(one, event) : JSON.stringify(one))).join(',')}]`,
      )
    }
    return shown.length > 0 ? `,"headers":{${shown.join(',')}}` : ''
  }

  #mount(mount: AuditMount): string {
    const known = this.#mounts.get(mount)
    if (known !== undefined) return known
    const text = JSON.stringify({
      mount_point: mount.path,
      mount_type: mount.type,
      mount_accessor: mount.accessor,
      mount_class: mount.class,
    }).slice(1, -1)
    this.#mounts.set(mount, text)
    return text
  }

  #raw(event: AuditEvent): boolean {
    return this.#options.raw && !event.neverRaw
  }

  #text(text: string, event: AuditEvent): string {
    return this.#raw(event) ? JSON.stringify(text) : `"${this.#hasher.of(text)}"`
  }

  #time(now: number): string {
    if (now !== this.#second.at) this.#second = { at: now, text: rfc3339(now) }
    return this.#second.text
  }
}

/** Error texts of ours hold no secrets; they are written as they are. */
function errorOf(fault: Fault | undefined): string {
  if (!fault) return '""'
  const wrapped = fault.code === 'permission_denied' && !fault.details.bare
  return JSON.stringify(wrapped ? `1 error occurred:\n\t* ${fault.message}\n\n` : fault.message)
}

/** A list as the number of its entries. */
function elided(data: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { keys, key_info: info } = data
  return {
    ...data,
    ...(Array.isArray(keys) && { keys: keys.length }),
    ...(info !== null && typeof info === 'object' && { key_info: Object.keys(info).length }),
  }
}
