import type { AuditBroker } from '../../audit/broker.ts'
import { Fault, asFault, refuse } from '../../contract/fault.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import type { CredentialOf, Request } from '../../contract/request.ts'
import type { FormedResponse } from '../../contract/response.ts'
import { perObject } from '../../util/caches/per-object.ts'
import type { Clock } from '../../util/clock.ts'
import { admission } from '../request/admit.ts'
import { loginRoleOf } from '../request/login-quota.ts'
import { eventOf } from '../request/audit-event.ts'
import { handled } from '../request/call.ts'
import { decide } from '../request/decision/decide.ts'
import type { Decision, DecidingParts } from '../request/decision/decision.ts'
import { noToken } from '../request/decision/disclosure.ts'
import type { Mount } from '../mounts/mount.ts'
import type { Quotas } from '../quotas/quotas.ts'
import { passingToken } from './issue-token.ts'

/** The request with the login. */
type Outer = Pick<Request, 'protocol' | 'client' | 'certificates' | 'headers' | 'limits'>

/** The response of a login, by the mount that it is for. */
type ByMount = (mount: Mount | undefined) => Promise<FormedResponse>

/** The parts of an unsealed server that these logins need. */
export interface InlineParts extends DecidingParts {
  readonly quotas: Quotas
}

/** The parts that exist while the server is sealed as well. */
interface ServerParts {
  readonly audit: AuditBroker
  readonly clock: Clock
  readonly uuid: () => string
}

/**
 * Performs the logins inside requests. Each is a separate request: counted by quotas, decided, and audited with two lines.
 * No token is issued or stored: the record is for one request, with the abilities of a batch token.
 */
export class InlineLogins {
  readonly #unsealed: () => InlineParts
  readonly #parts: ServerParts
  /** A large request is decided twice, but logs in once: a secret id may have one use. */
  readonly #once = perObject(async (credential: CredentialOf<'inline'>, outer: Outer) =>
    this.perform(credential, outer),
  )

  constructor(unsealed: () => InlineParts, parts: ServerParts) {
    this.#unsealed = unsealed
    this.#parts = parts
  }

  /** The token of a login, once for each credential. @throws Fault of the login method, if the login is refused */
  async token(credential: CredentialOf<'inline'>, outer: Outer): Promise<TokenRecord> {
    return this.#once(credential, outer)
  }

  /**
   * Performs a login at the path of a credential, from headers or with a token of another issuer.
   * @param login returns the response of the login; by default the route of the path
   * @throws Fault when the login is refused
   */
  async perform(credential: CredentialOf<'inline'>, outer: Outer, login?: ByMount): Promise<TokenRecord> {
    const { audit } = this.#parts
    const unsealed = this.#unsealed()
    const request = this.#requestOf(credential, outer)
    const { rejected } = admission(unsealed, request, await loginRoleOf(unsealed, request)?.(request.data))
    if (rejected && !unsealed.quotas.config.auditRejections) throw rejected.refusal
    const decision = rejected ?? onlyLogin(await decide(unsealed, request))
    const event = eventOf(decision)
    await audit.request(event)
    const { outcome, record } = await this.#outcome(unsealed, decision, async () => audit.beforeChange(event), login)
    await audit.response(event, outcome)
    if (!record) throw outcome instanceof Fault ? outcome : new Fault('internal', 'internal error')
    return record
  }

  #requestOf({ path, namespace, data }: CredentialOf<'inline'>, outer: Outer): Request {
    const { protocol, client, certificates, headers, limits } = outer
    return {
      id: this.#parts.uuid(),
      protocol,
      operation: 'write',
      path,
      namespace,
      data: data.reveal(),
      credential: { kind: 'none' },
      client,
      headers,
      ...(certificates && { certificates }),
      ...(limits && { limits }),
    }
  }

  async #outcome(
    unsealed: InlineParts,
    decision: Decision,
    beforeChange: () => Promise<void>,
    byMount?: ByMount,
  ): Promise<{ readonly outcome: FormedResponse | Fault; readonly record?: TokenRecord }> {
    if (decision.refusal) return { outcome: decision.refusal }
    try {
      const { login, ...response } = await (byMount ? byMount(decision.mount) : handled(decision, { beforeChange }))
      if (!login) throw refuse(`"${decision.request.path}" is not the path of a login`)
      await beforeChange()
      const { record, ...outcome } = await passingToken(
        unsealed,
        decision,
        { ...response, login },
        this.#parts.clock.now(),
      )
      return { outcome, record }
    } catch (thrown) {
      return { outcome: asFault(thrown) }
    }
  }
}

/** Other routes that need no token are not logins. */
function onlyLogin(decision: Decision): Decision {
  const { refusal, absentNamespace, route, mount } = decision
  const isLogin = !absentNamespace && route?.access === 'public' && mount?.record.kind === 'auth'
  return refusal || isLogin ? decision : { ...decision, refusal: noToken() }
}
