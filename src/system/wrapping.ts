import { Fault, refuse } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import type { TokenRecord } from '../contract/identity.ts'
import type { Request } from '../contract/request.ts'
import { answer } from '../contract/response.ts'
import type { Response, WrapInfo, Wrapped } from '../contract/response.ts'
import { anotherResponse } from '../contract/wire/returns.ts'
import { callersToken, routesOf } from '../contract/route.ts'
import type { Call, Route, Subject } from '../contract/route.ts'
import { rfc3339 } from '../util/clock.ts'
import { Secret } from '../util/secret.ts'

/** The port of these routes: wrapping tokens and the wrapped responses. */
export interface WrappingPort {
  /** The content of a wrapping token that is still valid. Does not unwrap it. */
  lookup(bearer: Secret<string>): Promise<Wrapped | undefined>
  /** Unwraps it: for the first caller; undefined for all others. `by` is the caller's token. */
  take(bearer: Secret<string>, by: TokenRecord | undefined): Promise<Wrapped | undefined>
  /** Moves the response to a new token. */
  rewrap(bearer: Secret<string>, by: TokenRecord | undefined, ttl?: number): Promise<WrapInfo | undefined>
}

const { read, write } = routesOf<unknown>()
const fields = { token: f.any("The wrapping token; the caller's own if it is left out.") }

/** A wrapping token that unwraps itself does so by the policy of its own namespace, wherever it is used. */
const itself: Subject = { token: (request) => (isNothing(request.data['token']) ? callersToken(request) : undefined) }

/** `sys/wrapping/wrap`, `unwrap`, `lookup` and `rewrap`. */
export function wrappingRoutes(port: WrappingPort): Route<unknown>[] {
  const vet = async (request: Request): Promise<void> => {
    if (!(await port.lookup(bearerOf(request)))) throw notValid()
  }
  return [
    write('wrapping/wrap', {
      about: 'Wrap the parameters of the request: the response is a token that unwraps them once.',
      returns: { '*': f.any('The parameters. Only unwrapping returns them.') },
      anyFields: true,
      handle: ({ request }) => {
        if (request.wrapTtl === undefined) throw refuse('endpoint requires response wrapping to be used')
        return answer(request.data)
      },
    }),
    write('wrapping/unwrap', {
      about: 'Unwrap a response. Works once.',
      returns: anotherResponse,
      subject: itself,
      fields,
      anyFields: true,
      vet,
      handle: async ({ request, caller }): Promise<Response> => {
        const content = await port.take(bearerOf(request), caller.token)
        if (!content) throw notValid()
        return { another: { ...content.response, requestId: content.requestId } }
      },
    }),
    ...lookupRoutes(port, vet),
    write('wrapping/rewrap', {
      about: 'Move a wrapped response to a new token; the old one is revoked.',
      subject: itself,
      fields,
      anyFields: true,
      vet,
      handle: async ({ request, caller }): Promise<Response> => {
        const wrapInfo = await port.rewrap(bearerOf(request), caller.token, request.wrapTtl)
        if (!wrapInfo) throw notValid()
        return { wrapInfo }
      },
    }),
  ]
}

type Vet = NonNullable<Route['vet']>

function lookupRoutes(port: WrappingPort, vet: Vet): Route<unknown>[] {
  const lookup = {
    about: 'The path and the remaining time of a wrapped response. Does not unwrap it.',
    returns: {
      creation_path: f.string('The path of the request whose response is wrapped.'),
      creation_time: f.string('When it was wrapped.'),
      creation_ttl: f.int('How long the wrapping token is valid, seconds.'),
    },
    access: 'public',
    fields,
    open: true,
    pure: true,
    vet,
    handle: async ({ request }: Call<unknown>) => {
      const content = await port.lookup(bearerOf(request))
      if (!content) throw notValid()
      const { creationPath, creationTime, creationTtl } = content
      return answer({
        creation_path: creationPath,
        creation_time: rfc3339(creationTime),
        creation_ttl: creationTtl,
      })
    },
  } as const
  return [read('wrapping/lookup', lookup), write('wrapping/lookup', lookup)]
}

/** @throws Fault when no token was sent. */
function bearerOf(request: Request): Secret<string> {
  const { credential, data } = request
  const { token } = data
  if (isNothing(token)) {
    if (credential.kind === 'token') return credential.token
    throw cannotValidate('there is none')
  }
  if (typeof token !== 'string') throw cannotValidate('it is not a string')
  if (token === '') throw cannotValidate('it is empty')
  return new Secret(token)
}

const isNothing = (value: unknown): value is undefined | null => value === undefined || value === null

function cannotValidate(why: string): Fault {
  return new Fault('permission_denied', `error validating wrapping token: ${why}`, { listed: false })
}

function notValid(): Fault {
  return refuse('wrapping token is not valid or does not exist')
}
