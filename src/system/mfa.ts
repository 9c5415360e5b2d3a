import { refuse } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import type { Passcodes } from '../contract/wire/mfa.ts'
import type { Request } from '../contract/request.ts'
import type { Response } from '../contract/response.ts'
import { routesOf } from '../contract/route.ts'
import type { Route } from '../contract/route.ts'
import { newToken } from '../contract/wire/returns.ts'

/** Logins that wait for their second factor, for these routes: see core/authentication/complete-login.ts. */
export interface MfaPort {
  /** Whether a login waits under an id, in the namespace of the request. */
  isPending(request: Request, id: string): boolean
  /** @throws Fault invalid_request if no login waits; permission_denied if it does not get its token */
  complete(request: Request, id: string, passcodes: Passcodes): Promise<Response>
}

const { write } = routesOf<unknown>()

/** `sys/mfa/validate`. */
export function mfaRoutes(port: MfaPort): Route<unknown>[] {
  return [
    write('mfa/validate', {
      about: 'Go on with a login that waits for its second factor: the response is its token.',
      access: 'public',
      returns: newToken,
      neverRaw: true,
      fields: {
        mfa_request_id: f.string('The id in the mfa_requirement of the login.').secret().or(''),
        mfa_payload: f.object('Passcodes by the id or the name of their method: {"ID": ["123456"]}.').secret().or({}),
      },
      // A caller without a waiting login learns nothing about the namespace.
      vet: async (request) => {
        const { mfa_request_id: id } = request.data
        if (id === undefined || id === '') throw refuse('missing request ID: mfa_request_id names the login')
        if (typeof id !== 'string' || !port.isPending(request, id))
          throw refuse('invalid request ID: no login waits under it, or not any more; log in again')
      },
      handle: async ({ request }, { mfa_request_id: id, mfa_payload: payload }) =>
        port.complete(request, id, passcodesIn(payload)),
    }),
  ]
}

/** @throws Fault invalid_request unless every member is a list of strings */
function passcodesIn(payload: Readonly<Record<string, unknown>>): Passcodes {
  const entries = Object.entries(payload)
  for (const [, passcodes] of entries)
    if (!isStrings(passcodes))
      throw refuse('invalid mfa payload: each member is a list of strings, as in {"ID": ["123456"]}')
  return new Map(entries as [string, readonly string[]][])
}

const isStrings = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string')
