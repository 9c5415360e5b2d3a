import { defineEngine } from '../../contract/engine.ts'
import type { Engine } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import { withoutSlash } from '../../contract/names.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { callersToken, routesOf } from '../../contract/route.ts'
import type { Call, Subject } from '../../contract/route.ts'
import type { View } from '../../contract/view.ts'
import { anyObject } from '../../util/stored/shape.ts'

/** A drawer per token: nobody else can open it, and it ends with the token. */
export interface Cubbyhole {
  readonly view: View
}

/** What the drawers of wrapping tokens show. */
export interface WrappedDrawers {
  /** The record at `response`, for a wrapping token only. */
  asCubbyhole(token: TokenRecord): Promise<Response | undefined>
}

const { read, list, write, remove } = routesOf<Cubbyhole>()
const path = { path: f.string('Path of the secret.').or('') }
const drawerShape = anyObject('a drawer')
/** A token has one drawer, in its own namespace, also when it works in one below. */
const subject: Subject = { token: callersToken, fromBelow: true }

/** The caller's drawer. @throws Fault for batch tokens, which leave nothing behind. */
function drawer({ engine, caller }: Call<Cubbyhole>): View {
  if (!caller.token) throw new Fault('unauthenticated', 'permission denied', { bare: true })
  if (caller.token.type === 'batch') throw refuse('cubbyhole operations are only supported by service tokens')
  return engine.view.under(`${caller.token.id}/`)
}

function named(wanted: string): string {
  if (wanted === '') throw refuse('missing path')
  return wanted
}

/** The cubbyhole engine (`cubbyhole/`): every namespace has exactly one. */
export function cubbyholeEngine(wrapped: WrappedDrawers): Engine {
  const carried = async ({ caller: { token } }: Call<Cubbyhole>, place: string): Promise<Response | undefined> =>
    place === 'response' && token ? wrapped.asCubbyhole(token) : undefined
  const found = async (call: Call<Cubbyhole>, place: string): Promise<Response | undefined> => {
    const response = await carried(call, place)
    if (response) return response
    const data = await drawer(call).get(place, drawerShape)
    return data && answer(data)
  }
  return defineEngine<Cubbyhole>({
    type: 'cubbyhole',
    kind: 'secret',
    about: 'Secrets of one token, gone when it is.',
    start: ({ view }) => ({ view }),
    routes: [
      read('*path', {
        about: 'Read a secret.',
        subject,
        anyFields: true,
        fields: path,
        handle: async (call, { path: wanted }) => {
          const secret = wanted.endsWith('/') ? undefined : await found(call, named(wanted))
          if (!secret) throw new Fault('not_found', 'no such secret')
          return secret
        },
      }),
      list('*path', {
        about: 'List secrets.',
        subject,
        fields: { ...path, after: f.string('Names behind this one.').or(''), limit: f.int('At most so many.').or(0) },
        handle: async (call, { path: folder, after, limit }) => {
          const keys = await drawer(call).list(folder === '' ? '' : `${folder}/`, {
            ...(after !== '' && { after }),
            ...(limit > 0 && { limit }),
          })
          if (keys.length === 0) throw new Fault('not_found', 'no secrets')
          return answer({ keys })
        },
      }),
      write('*path', {
        about: 'Write a secret.',
        subject,
        anyFields: true,
        fields: path,
        exists: async (call, { path: wanted = '' }) => wanted === '' || (await found(call, wanted)) !== undefined,
        handle: async (call, { path: wanted }) => {
          const data = call.request.data
          const place = named(wanted)
          if (Object.keys(data).length === 0) throw refuse('missing data fields')
          const response = await carried(call, place)
          await drawer(call).transaction(async (tx) => {
            const own = await tx.get(place)
            call.confirm((response ?? own) !== undefined)
            tx.put(place, data)
          })
          return done()
        },
      }),
      remove('*path', {
        about: 'Remove a secret.',
        subject,
        canonical: { path: withoutSlash },
        fields: path,
        handle: async (call, { path: wanted }) => {
          await drawer(call).del(named(wanted))
          return done()
        },
      }),
    ],
  })
}

/** Empties the drawer of a token that is gone. */
export async function forgetDrawer(cubbyhole: unknown, tokenId: string): Promise<void> {
  await (cubbyhole as Cubbyhole).view.clear(`${tokenId}/`)
}
