import { randomUUID } from 'node:crypto'
import type { BrowserRules } from '../../contract/browser.ts'
import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { AdmittedRequest, Gateway, HttpExchange, HttpResponse, Protocol } from '../../contract/protocol.ts'
import type { Request } from '../../contract/request.ts'
import { vaultName } from '../../contract/wire/vault.ts'
import { JsonError, jsonLimits } from '../../util/json-limits.ts'
import type { JsonLimits } from '../../util/json-limits.ts'
import { jsonSteps } from '../../util/json.ts'
import { atOnce, inTurns, isLarge, large, weightOf } from '../../util/slices.ts'
import type { Steps } from '../../util/slices.ts'
import { crossOrigin } from './cors.ts'
import { formSteps } from './form.ts'
import { Redirect, readHead, singleHeaders, unreadHead } from './request.ts'
import type { RequestHead } from './request.ts'
import { answerSteps, wireResponse, wireFault } from './response.ts'

/** Vault's HTTP API: every path that begins with `/v1/`. */
export function vaultProtocol(gateway: Gateway, rules: BrowserRules): Protocol {
  const api = new VaultApi(gateway, rules)
  const respond = async (exchange: HttpExchange): Promise<HttpResponse> => api.respond(exchange)
  return { name: vaultName, singleHeaders, http: ({ target }) => (target.startsWith('/v1/') ? respond : undefined) }
}

/** Translates a message into a Request, and the response back. */
class VaultApi {
  readonly #gateway: Gateway
  readonly #rules: BrowserRules

  constructor(gateway: Gateway, rules: BrowserRules) {
    this.#gateway = gateway
    this.#rules = rules
  }

  /** Never throws. */
  async respond(exchange: HttpExchange): Promise<HttpResponse> {
    const page = crossOrigin(this.#rules.crossOrigin(), exchange)
    if (!page) return this.#respond(exchange)
    if ('answer' in page) return page.answer
    const response = await this.#respond(exchange)
    return { ...response, headers: { ...response.headers, ...page.headers } }
  }

  async #respond(exchange: HttpExchange): Promise<HttpResponse> {
    const id = randomUUID()
    try {
      const head = this.#read(id, exchange)
      if (head instanceof Redirect) return { status: 307, body: undefined, headers: { Location: head.location } }
      const { envelope, refusal } = head
      const admission = this.#gateway.admit(envelope)
      const admitted = admission instanceof Promise ? await admission : admission
      if (refusal) return await admitted.refuse(refusal)
      const response = await perform(admitted, head, exchange)
      const { headers } = admitted
      const named = envelope.namespace === '' ? undefined : echoOf(envelope.namespace)
      return headers || named ? { ...response, headers: { ...response.headers, ...named, ...headers } } : response
    } catch (thrown) {
      return wireFault(asFault(thrown))
    }
  }

  /** The request, or as much of it as can be read, and why it is refused: the audit log has every request. */
  #read(id: string, exchange: HttpExchange): Read | Redirect {
    const { headers } = exchange
    const peer = exchange.peer()
    try {
      const head = readHead(exchange)
      if (head instanceof Redirect) return head
      return { envelope: envelopeOf(id, head, headers, exchange), query: head.query }
    } catch (thrown) {
      return {
        envelope: envelopeOf(id, unreadHead(exchange), headers, { client: () => peer, certificates: () => [] }),
        query: {},
        refusal: asFault(thrown),
      }
    }
  }
}

async function perform(
  request: AdmittedRequest,
  { envelope, query }: Read,
  exchange: HttpExchange,
): Promise<HttpResponse> {
  try {
    if (exchange.verb === 'HEAD' && !envelope.path.startsWith('sys/health'))
      return await request.refuse(noHead(envelope))
    if (request.takesUpload) {
      const upload = exchange.upload()
      return wireResponse(envelope.id, await request.handle({ data: query, limits: limitsOf(exchange), upload }))
    }
    const writes = envelope.operation === 'write' || envelope.operation === 'patch'
    const data = writes ? await bodyOf(request, exchange) : query
    const response = await request.handle({ data, limits: limitsOf(exchange) })
    const content = response.data ?? response.plain
    if (!isLarge(content)) return wireResponse(envelope.id, response)
    // The response to a change is sent in any case; a read can be sent again.
    if (!writes) await exchange.memoryFor(weightOf(content))
    return await inTurns(answerSteps(envelope.id, response))
  } catch (thrown) {
    return wireFault(asFault(thrown))
  }
}

async function bodyOf(request: AdmittedRequest, exchange: HttpExchange): Promise<Request['data']> {
  try {
    const body = await exchange.body()
    const steps = dataSteps(body, exchange.headers['content-type'], limitsOf(exchange))
    return body.length < large ? atOnce(steps) : await inTurns(steps)
  } catch (thrown) {
    return request.refuse(asFault(thrown))
  }
}

/** HEAD has no capability: it is always denied, and a caller with a token gets the verb as the reason. */
function noHead({ credential, path }: Envelope): Fault {
  const mayLearnWhy = credential.kind !== 'none' || path.startsWith('sys/seal-status') || path.startsWith('sys/init')
  const code = mayLearnWhy ? 'unsupported_operation' : 'permission_denied'
  return new Fault(code, 'HEAD is for sys/health', { listed: false })
}

/** A request as far as it was read. */
interface Read {
  readonly envelope: Envelope
  readonly query: Request['data']
  readonly refusal?: Fault
}

/** The namespace of the header, returned as clients of Vault expect it: the bytes of UTF-8. */
const echoOf = (namespace: string) => ({ 'X-Vault-Namespace': Buffer.from(namespace).toString('latin1') })

/** A request without its parameters. */
type Envelope = Omit<Request, 'data'>

const limitsOf = ({ bodyLimit: bytes }: HttpExchange): JsonLimits =>
  bytes === jsonLimits.bytes ? jsonLimits : { ...jsonLimits, bytes }

function envelopeOf(
  id: string,
  { operation, path, namespace, credential, wrapTtl }: RequestHead,
  headers: Request['headers'],
  sender: Pick<HttpExchange, 'client' | 'certificates'>,
): Envelope {
  const certificates = sender.certificates()
  return {
    id,
    protocol: vaultName,
    operation,
    path,
    namespace,
    credential,
    client: sender.client(),
    ...(certificates.length > 0 && { certificates }),
    ...(wrapTtl !== undefined && { wrapTtl }),
    headers,
  }
}

/** Body parameters: JSON for any content type, except a form that does not begin like JSON. */
function* dataSteps(body: Uint8Array, type: string | undefined, limits: JsonLimits): Steps<Request['data']> {
  const first = firstByte(body)
  if (body.length === 0) return {}
  const form = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i.test(type ?? '')
  if (form && first !== opening.object && first !== opening.array)
    return yield* formSteps(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'))
  const value = first === undefined ? null : yield* parsed(body, limits)
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value))
    throw refuse('failed to decode JSON input: the body must be one object')
  return value as Readonly<Record<string, unknown>>
}

const opening = { object: 0x7b, array: 0x5b } as const

/** The first byte that is not white space of JSON. */
function firstByte(body: Uint8Array): number | undefined {
  let at = 0
  while (at < body.length && isBlank(body[at] as number)) at++
  return body[at]
}

const isBlank = (byte: number): boolean => byte === 32 || byte === 10 || byte === 13 || byte === 9

function* parsed(body: Uint8Array, limits: JsonLimits): Steps<unknown> {
  try {
    return yield* jsonSteps(body, limits)
  } catch (thrown) {
    if (!(thrown instanceof JsonError)) throw thrown
    if (thrown.reason === 'size') throw new Fault('too_large', `http: request body too large: ${thrown.message}`)
    if (thrown.reason === 'complexity') throw refuse(`refused JSON input due to high complexity: ${thrown.message}`)
    throw refuse(`failed to decode JSON input: ${thrown.message}`)
  }
}
