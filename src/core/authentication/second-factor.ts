import { Fault, refuse } from '../../contract/fault.ts'
import type { Identities } from '../../contract/identity.ts'
import type { MfaDemand, Passcodes } from '../../contract/wire/mfa.ts'
import type { Request } from '../../contract/request.ts'
import { pendingAuth } from '../../contract/response.ts'
import type { FormedResponse } from '../../contract/response.ts'
import type { PendingLogin, PendingLogins } from './pending-logins.ts'

/**
 * The passcodes in a login's header `X-Vault-MFA`: `METHOD:PASSCODE`, METHOD an id or a name. The header may be repeated, or
 * have several with commas. Undefined: there is no such header.
 * @throws Fault invalid_request for a header that names no method
 */
export function passcodesIn({ headers }: Pick<Request, 'headers'>): Passcodes | undefined {
  const header = headers['x-vault-mfa']
  if (header === undefined) return undefined
  const passcodes = new Map<string, string[]>()
  for (const item of (typeof header === 'string' ? header : header.join(',')).split(',')) {
    const [, method = '', passcode = ''] = /^([^:]*)(?::(.*))?$/s.exec(item.trim()) ?? []
    if (method === '') throw refuse('the header X-Vault-MFA names no method: write METHOD:PASSCODE')
    passcodes.set(method, [...(passcodes.get(method) ?? []), passcode])
  }
  return passcodes
}

/** Stores a login that waits for its second factor. No token is created. */
export function waiting(
  pendingLogins: PendingLogins,
  login: PendingLogin,
  demands: readonly MfaDemand[],
): FormedResponse {
  const constraints = Object.fromEntries(demands.map(({ name, methods }) => [name, { any: methods }]))
  return {
    auth: pendingAuth({ mfa_request_id: pendingLogins.add(login), mfa_constraints: constraints }),
    warnings: [
      'A login request was issued that is subject to MFA validation. Please make sure to validate the login by sending another request to mfa/validate endpoint.',
    ],
  }
}

/** Checks the passcodes of an entity, and uses them up. @throws Fault permission_denied unless every demand is met */
export async function prove(
  identities: Identities | undefined,
  entityId: string,
  demands: readonly MfaDemand[],
  passcodes: Passcodes,
): Promise<void> {
  if (!identities) throw new Fault('internal', 'internal error')
  await identities.mfa.prove(entityId, demands, passcodes)
}

/** The refusal of a login that cannot wait. */
export const secondFactorMissing = (demands: readonly MfaDemand[]): Fault =>
  new Fault(
    'permission_denied',
    `this login needs a second factor (enforcement ${demands.map(({ name }) => name).join(', ')}): send X-Vault-MFA: METHOD:PASSCODE`,
  )
