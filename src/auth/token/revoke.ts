import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { Secret } from '../../util/secret.ts'
import { byAccessor } from './lookup.ts'
import type { TokenState } from './state.ts'
import { named, self } from './subject.ts'

const { write } = routesOf<TokenState>()
const token = { token: f.any('The token.') }

/** `auth/token/revoke`, `revoke-self`, `revoke-accessor`, `revoke-orphan` and `tidy`. */
export const revokeRoutes = [
  write('revoke', {
    about: 'Revoke a token and all its children.',
    subject: named,
    fields: token,
    handle: async ({ engine }, values) => {
      const id = await idOf(engine, values.token)
      if (id !== undefined) await engine.tokens.revoke(id)
      return done()
    },
  }),
  write('revoke-self', {
    about: "Revoke the caller's own token and all its children.",
    subject: self,
    handle: async ({ engine, caller }) => {
      if (!caller.token) throw new Fault('unauthenticated', 'permission denied')
      if (caller.token.type === 'batch') throw refuse('batch tokens cannot be revoked')
      await engine.tokens.revoke(caller.token.id)
      return done()
    },
  }),
  write('revoke-accessor', {
    about: 'Revoke a token and all its children, by its accessor.',
    fields: { accessor: f.string('The accessor.').or('') },
    handle: async ({ engine }, { accessor }) => {
      if (accessor === '') throw refuse('missing accessor', { listed: true })
      const record = await engine.tokens.byAccessor(accessor)
      if (!record) return { data: null, warnings: ['No token found with this accessor'] }
      await engine.tokens.revoke((await byAccessor(engine, accessor)).id)
      return done()
    },
  }),
  write('revoke-orphan', {
    about: 'Revoke a token; its children live on without a parent.',
    subject: named,
    fields: token,
    handle: async ({ engine, caller }, values) => {
      if (!caller.sudo && !caller.root) throw refuse('root or sudo privileges required to revoke and orphan')
      const id = await idOf(engine, values.token)
      if (id === undefined || !(await engine.tokens.revokeOrphaning(id))) throw refuse('token to revoke not found')
      return done()
    },
  }),
  write('tidy', {
    about: 'Remove index entries without a token.',
    handle: async ({ engine }) => {
      await engine.tokens.tidy()
      return {
        status: 202,
        data: null,
        warnings: ['Tidying is done in the background; what it finds goes to the log of the server.'],
      }
    },
  }),
]

/** @throws Fault for a missing token, one that is no string, and a batch token. */
async function idOf(engine: TokenState, sent: unknown): Promise<string | undefined> {
  if (sent === undefined || sent === null || sent === '') throw refuse('missing token ID')
  if (typeof sent !== 'string') throw new Fault('unauthenticated', 'invalid token')
  const record = await engine.tokens.resolve(new Secret(sent))
  if (record?.type === 'batch') throw refuse('batch tokens cannot be revoked')
  return engine.tokens.idOf(sent)
}
