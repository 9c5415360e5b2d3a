import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { Caller } from '../../contract/identity.ts'
import type { AdmittedRequest, Gateway } from '../../contract/protocol.ts'
import type { Request } from '../../contract/request.ts'
import type { FormedResponse } from '../../contract/response.ts'
import type { BeforeChange } from '../../contract/route.ts'
import type { AuditEvent } from '../../contract/audit.ts'
import { isLarge } from '../../util/slices.ts'
import type { AuditBroker } from '../../audit/broker.ts'
import { admission, refusedHead } from './admit.ts'
import type { Admission, RequestHead } from './admit.ts'
import { eventOf } from './audit-event.ts'
import { noToken } from './decision/disclosure.ts'
import { RecordChanged, handled, handledData } from './call.ts'
import type { HandlerSteps } from './call.ts'
import { decide, decideAgain, judgedAgain } from './decision/decide.ts'
import type { Decision, DecidingParts } from './decision/decision.ts'
import { countedOnceRead, loginRoleOf } from './login-quota.ts'
import { help } from './help.ts'
import { issueToken } from '../authentication/issue-token.ts'
import type { PendingLogins } from '../authentication/pending-logins.ts'
import { filtered } from './decision/list-filter.ts'
import type { Freshness } from '../freshness.ts'
import type { Quotas } from '../quotas/quotas.ts'
import type { Log } from '../../util/log.ts'
import type { Traffic } from '../telemetry/traffic.ts'
import { wrapResponse } from './wrapping.ts'
import type { Wrapper } from './wrapping.ts'
import { ignoredParameters, replacedParameters } from './warnings.ts'

/** The parts of the pipeline that exist while the server is unsealed. */
export interface UnsealedParts extends DecidingParts {
  readonly wrappings: Wrapper
  readonly pendingLogins: PendingLogins
  readonly quotas: Quotas
  readonly freshness: Freshness
}

/**
 * The parts of the pipeline. `unsealed` returns undefined while the server is sealed; `sealed` then decides about the few routes that
 * work.
 */
export interface PipelineParts {
  readonly unsealed: () => UnsealedParts | undefined
  readonly sealed: (request: Request) => Decision
  /** Whether the body of a request is a file (`Route.upload`). */
  readonly uploads: (head: RequestHead) => boolean
  readonly audit: AuditBroker
  readonly traffic: Traffic
  readonly log: Log
}

/** The most times that a request is decided when concurrent requests keep creating and removing its record. */
const mostDecisions = 16

/** The outcome of a request and the event that describes it. */
interface Performed {
  readonly event: AuditEvent
  readonly outcome: FormedResponse | Fault
}

/**
 * The steps of every request, whatever its protocol: decide → audit → perform → audit → respond. No path has a special case
 * here: the needs of a route are properties of the route.
 */
export class Pipeline implements Gateway {
  readonly #parts: PipelineParts

  constructor(parts: PipelineParts) {
    this.#parts = parts
  }

  admit(head: RequestHead): AdmittedRequest | Promise<AdmittedRequest> {
    const unsealed = this.#parts.unsealed()
    if (!unsealed) return this.#admitted(head, undefined)
    const reading = unsealed.freshness.ready()
    if (!reading) return this.#withinQuota(unsealed, head)
    return reading.then((stale) => (stale ? this.#admitted(head, undefined) : this.#withinQuota(unsealed, head)))
  }

  #withinQuota(unsealed: UnsealedParts, head: RequestHead): AdmittedRequest | Promise<never> {
    const reject = async (rejected: Decision & { readonly refusal: Fault }): Promise<never> =>
      this.#reject(rejected, unsealed.quotas.config.auditRejections)
    const roleOf = loginRoleOf(unsealed, head)
    if (roleOf) return countedOnceRead(unsealed, this.#admitted(head, undefined), { head, roleOf, reject })
    const { headers, rejected } = admission(unsealed, head)
    return rejected ? reject(rejected) : this.#admitted(head, headers)
  }

  #admitted(head: RequestHead, headers: Admission['headers']): AdmittedRequest {
    return {
      headers,
      takesUpload: this.#parts.uploads(head),
      handle: async (parameters) => this.#respond({ ...head, ...parameters }),
      refuse: async (refusal) => this.#reject(refusedHead(this.#parts.unsealed(), head, refusal), true),
    }
  }

  /** The body was not read: the audit log has the request without its parameters. @throws Fault always */
  async #reject(decision: Required<Admission>['rejected'], audited: boolean): Promise<never> {
    const { audit, traffic } = this.#parts
    traffic.begin(decision.request)
    traffic.end(decision.request, decision.refusal)
    if (audited) {
      const event = eventOf(decision)
      await audit.request(event)
      await audit.response(event, decision.refusal)
    }
    throw decision.refusal
  }

  async #respond(request: Request): Promise<FormedResponse> {
    const { traffic } = this.#parts
    traffic.begin(request)
    try {
      const response = await this.#handle(request)
      traffic.end(request, undefined)
      return response
    } catch (thrown) {
      traffic.end(request, thrown)
      const fault = asFault(thrown)
      if (fault.code === 'internal')
        this.#parts.log.error('a request failed by a fault of the server', { id: request.id, why: fault.message })
      throw thrown
    }
  }

  async #handle(request: Request): Promise<FormedResponse> {
    const { audit } = this.#parts
    // Changes during the slices of a large request apply to it as well: it is decided after them.
    if (isLarge(request.data)) await audit.prepare(eventOf((await this.#decide(request)).decision))
    const { unsealed, decision } = await this.#decide(request)
    const event = eventOf(decision)
    await audit.request(event)
    const use = decision.countedToken && (await unsealed?.tokens.use(decision.countedToken))
    const refusal = use === 'spent' ? noToken() : decision.refusal
    const performed = refusal ? { event, outcome: refusal } : await this.#perform(decision, event, unsealed)
    const { outcome } = performed
    if (use && use !== 'spent' && use.last) await unsealed?.tokens.revokeSpent(use.record)
    if (isLarge(outcome instanceof Fault ? outcome.details.data : (outcome.data ?? outcome.plain)))
      await audit.prepare(performed.event, outcome)
    await this.#recorded(performed)
    if (outcome instanceof Fault) throw outcome
    if (outcome.after) await outcome.after()
    return outcome
  }

  /** The stream of a file that is not sent is destroyed, to release its resources. */
  async #recorded({ event, outcome }: Performed): Promise<void> {
    try {
      await this.#parts.audit.response(event, outcome)
    } catch (thrown) {
      if (!(outcome instanceof Fault)) outcome.file?.stream.destroy()
      throw thrown
    }
  }

  /** Performs exactly what the policy allowed: each decision has its own request line before it is performed. */
  async #perform(decision: Decision, event: AuditEvent, unsealed: UnsealedParts | undefined): Promise<Performed> {
    let attempt = { decision, event }
    for (let times = 1; ; times++) {
      const { event: current, decision: allowed } = attempt
      const steps: HandlerSteps = {
        beforeChange: async () => this.#parts.audit.beforeChange(current),
        judgedAgain: async () => this.#judgedAgain(allowed, unsealed),
      }
      const refusal = attempt.decision.refusal ?? (unsealed ? undefined : this.#unsealedMeanwhile(attempt.decision))
      const outcome = refusal ?? (await perform(attempt.decision, unsealed, steps))
      if (!(outcome instanceof RecordChanged)) return { event: attempt.event, outcome }
      if (!unsealed || times === mostDecisions) return { event: attempt.event, outcome: tooManyChanges() }
      const newDecision = await decideAgain(unsealed, attempt.decision)
      const next = { decision: newDecision, event: eventOf(newDecision) }
      try {
        await this.#parts.audit.request(next.event)
      } catch (thrown) {
        // An outcome, so that a token with its last use is still cleaned up.
        return { event: attempt.event, outcome: asFault(thrown) }
      }
      attempt = next
    }
  }

  async #decide(
    request: Request,
  ): Promise<{ readonly unsealed: UnsealedParts | undefined; readonly decision: Decision }> {
    const reading = this.#parts.unsealed()?.freshness.ready()
    const stale = reading && (await reading)
    const unsealed = this.#parts.unsealed()
    if (unsealed && stale) return { unsealed: undefined, decision: this.#decideWhileStale(request, stale) }
    return { unsealed, decision: unsealed ? await decide(unsealed, request) : this.#parts.sealed(request) }
  }

  /** While mounts and namespaces are stale, only requests that a sealed server accepts, and that never need a token, are decided. */
  #decideWhileStale(request: Request, stale: Fault): Decision {
    const decision = this.#parts.sealed(request)
    return decision.refusal || decision.route?.access !== 'public' ? { ...decision, refusal: stale } : decision
  }

  async #judgedAgain(decision: Decision, unsealed: UnsealedParts | undefined): Promise<Caller> {
    if (!unsealed) return decision.caller
    if (this.#parts.unsealed() === unsealed) return judgedAgain(unsealed, decision)
    throw new Fault('unavailable', 'the server was sealed meanwhile; nothing was changed, try again')
  }

  /** A sealed server asks for no token: what it allowed must not be performed by an unsealed one that asks for it. */
  #unsealedMeanwhile({ route }: Decision): Fault | undefined {
    if (route?.access === 'public' || !this.#parts.unsealed()) return undefined
    return new Fault('unavailable', 'the server was unsealed meanwhile; nothing was changed, try again')
  }
}

function tooManyChanges(): Fault {
  return new Fault(
    'unavailable',
    'concurrent requests kept creating and removing the record of this one; nothing was changed, try again',
  )
}

/** Validates and handles. An error is a result, so that it is audited. */
async function perform(
  decision: Decision,
  unsealed: UnsealedParts | undefined,
  steps: HandlerSteps,
): Promise<FormedResponse | Fault | RecordChanged> {
  const { request } = decision
  try {
    if (request.operation === 'help') return help(decision)
    if (decision.absentNamespace) return decision.absentNamespace
    if (!decision.route) throw new Fault('internal', 'internal error')
    if (request.wrapTtl !== undefined && decision.route.whenSealed && !decision.route.pure)
      throw refuse('the answers of this path cannot be wrapped; send the request without X-Vault-Wrap-TTL')
    const handledResponse = await handled(decision, steps)
    const complete = handledResponse.login
      ? await loggedIn(decision, unsealed, { ...handledResponse, login: handledResponse.login }, steps.beforeChange)
      : handledResponse
    const visible = decision.nameFilter ? await filtered(complete, decision.nameFilter) : complete
    const response = withWarnings(decision, visible)
    return unsealed && !decision.route.whenSealed
      ? await wrapResponse(unsealed.wrappings, decision, response)
      : response
  } catch (thrown) {
    return thrown instanceof RecordChanged ? thrown : asFault(thrown)
  }
}

/** The response of a login, with its token. */
async function loggedIn(
  decision: Decision,
  unsealed: UnsealedParts | undefined,
  response: Parameters<typeof issueToken>[2],
  beforeChange: BeforeChange,
): Promise<FormedResponse> {
  if (!unsealed) throw new Fault('sealed', 'Vault is sealed')
  await beforeChange()
  return issueToken(unsealed, decision, response)
}

/** Adds warnings about parameters without effect, if the response has room for warnings. */
function withWarnings(decision: Decision, response: FormedResponse): FormedResponse {
  const { route, params } = decision
  if (!route || route.anyFields || (response.data === undefined && response.auth === undefined)) return response
  const data = handledData(decision)
  const warnings = [...ignoredParameters(data, route.fields, params), ...replacedParameters(data, params)]
  return warnings.length > 0 ? { ...response, warnings: [...(response.warnings ?? []), ...warnings] } : response
}
