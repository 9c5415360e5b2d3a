import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { withoutSlash } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { namesIn, pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import { callersToken, routesOf } from '../../contract/route.ts'
import type { Call, Route, Subject } from '../../contract/route.ts'
import type { View } from '../../contract/view.ts'
import { anyObject } from '../../util/stored/shape.ts'

/** One cubbyhole per token: no other token can read it, and it is removed together with the token. */
export interface Cubbyhole {
  readonly view: View
}

/** The wrapped responses, which wrapping tokens find in their cubbyholes. */
export interface WrappedResponses {
  /** The record at `response`, for a wrapping token only. */
  asCubbyhole(token: TokenRecord): Promise<Response | undefined>
}

const { read, list, write, remove } = routesOf<Cubbyhole>()
const path = { path: f.string('Path of the secret.').or('') }
const recordShape = anyObject('a record of a cubbyhole')
/** A token has one cubbyhole, in its own namespace, also when it works in one below. */
const subject: Subject = { token: callersToken, fromBelow: true }

/** The caller's cubbyhole. @throws Fault for batch tokens, which have no record and so no cubbyhole. */
function cubbyholeOf({ engine, caller }: Call<Cubbyhole>): View {
  if (!caller.token) throw new Fault('unauthenticated', 'permission denied')
  if (caller.token.type === 'batch') throw refuse('cubbyhole operations are only supported by service tokens')
  return engine.view.under(`${caller.token.id}/`)
}

function named(name: string): string {
  if (name === '') throw refuse('missing path')
  return name
}

/** The cubbyhole engine (`cubbyhole/`): every namespace has exactly one. */
export function cubbyholeEngine(wrapped: WrappedResponses): Engine {
  return defineEngine<Cubbyhole>({
    type: 'cubbyhole',
    kind: 'secret',
    about: 'Secrets of one token, removed together with it.',
    start: ({ view }) => ({ view }),
    tokenEnded: async ({ view }, { id }) => view.clear(`${id}/`),
    routes: [readRoute(wrapped), listRoute(), writeRoute(wrapped), removeRoute()],
  })
}

/** The wrapped response that a wrapping token has at `response`. */
async function wrappedAt(
  wrapped: WrappedResponses,
  { caller: { token } }: Call<Cubbyhole>,
  name: string,
): Promise<Response | undefined> {
  return name === 'response' && token ? wrapped.asCubbyhole(token) : undefined
}

async function secretAt(wrapped: WrappedResponses, call: Call<Cubbyhole>, name: string): Promise<Response | undefined> {
  const response = await wrappedAt(wrapped, call, name)
  if (response) return response
  const data = await cubbyholeOf(call).get(name, recordShape)
  return data && answer(data)
}

const readRoute = (wrapped: WrappedResponses): Route<Cubbyhole> =>
  read('*path', {
    about: 'Read a secret.',
    returns: { '*': f.any('The values of the secret, by their names.') },
    subject,
    anyFields: true,
    fields: path,
    handle: async (call, values) => {
      const secret = values.path.endsWith('/') ? undefined : await secretAt(wrapped, call, named(values.path))
      if (!secret) throw new Fault('not_found', 'no such secret')
      return secret
    },
  })

const listRoute = (): Route<Cubbyhole> =>
  list('*path', {
    about: 'List secrets.',
    returns: keys('The names; those of folders end in a slash.'),
    subject,
    fields: {
      ...path,
      ...pageFields,
    },
    handle: async (call, { path: folder, ...page }) =>
      answer({ keys: await namesIn(cubbyholeOf(call), folder === '' ? '' : `${folder}/`, 'no secrets', page) }),
  })

const writeRoute = (wrapped: WrappedResponses): Route<Cubbyhole> =>
  write('*path', {
    about: 'Write a secret.',
    subject,
    anyFields: true,
    fields: path,
    exists: async (call, { path: name = '' }) => name === '' || (await secretAt(wrapped, call, name)) !== undefined,
    handle: async (call, values) => {
      const { data } = call.request
      const name = named(values.path)
      if (Object.keys(data).length === 0) throw refuse('missing data fields')
      const response = await wrappedAt(wrapped, call, name)
      await cubbyholeOf(call).transaction(async (tx) => {
        const own = await tx.get(name)
        call.confirm((response ?? own) !== undefined)
        tx.put(name, data)
      })
      return done()
    },
  })

const removeRoute = (): Route<Cubbyhole> =>
  remove('*path', {
    about: 'Remove a secret.',
    subject,
    canonical: { path: withoutSlash },
    fields: path,
    handle: async (call, values) => {
      await cubbyholeOf(call).del(named(values.path))
      return done()
    },
  })
