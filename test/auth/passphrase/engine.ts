import { createHash, timingSafeEqual } from 'node:crypto'
import { defineEngine } from '../../../src/contract/engine.ts'
import type { Engine } from '../../../src/contract/engine.ts'
import { refuse } from '../../../src/contract/fault.ts'
import { f } from '../../../src/contract/field.ts'
import { folded } from '../../../src/contract/names.ts'
import { done } from '../../../src/contract/response.ts'
import { routesOf } from '../../../src/contract/route.ts'
import {
  changedTokenParams,
  isTokenParams,
  noTokenParams,
  tokenParamFields,
} from '../../../src/contract/token-params.ts'
import type { TokenParams } from '../../../src/contract/token-params.ts'
import { newToken } from '../../../src/contract/wire/returns.ts'
import type { View } from '../../../src/contract/view.ts'
import { isName, shapeOf } from '../../../src/util/stored/shape.ts'

interface User {
  readonly passphrase: string
  readonly params: TokenParams
}
interface State {
  readonly view: View
}

const userShape = shapeOf<User>('a user', { passphrase: isName, params: isTokenParams })
const { write } = routesOf<State>()
const fields = { name: f.string('The user.').or(''), passphrase: f.string('The passphrase.').secret().or('') }
const canonical = { name: folded }
const hashed = (input: string): Buffer => createHash('sha256').update(input).digest()

/** A login method of two routes, for tests: `users/:name` stores a passphrase, `login/:name` takes it. */
export const passphraseEngine: Engine = defineEngine<State>({
  type: 'passphrase',
  kind: 'auth',
  about: 'Users with a passphrase, for tests.',
  start: ({ view }) => ({ view }),
  renew: async ({ view }, { name }) => {
    const user = await view.get(`user/${String(name)}`, userShape)
    if (!user) throw refuse('the user of this token is gone')
    const { ttl, maxTtl, period, explicitMaxTtl } = user.params
    return { ttl, maxTtl, period, explicitMaxTtl }
  },
  routes: [
    write('users/:name', {
      about: 'Create or change a user.',
      canonical,
      fields: { ...fields, ...tokenParamFields, gone: f.bool('Remove the user.').or(false) },
      exists: async ({ engine }, { name = '' }) => (await engine.view.get(`user/${name}`)) !== undefined,
      handle: async ({ engine, confirm }, values) => {
        const key = `user/${values.name}`
        await engine.view.transaction(async (tx) => {
          const old = await tx.get(key, userShape)
          confirm(old !== undefined)
          if (values.gone) return tx.del(key)
          const passphrase = values.passphrase ? hashed(values.passphrase).toString('hex') : (old?.passphrase ?? '')
          return tx.put(key, { passphrase, params: changedTokenParams(old?.params ?? noTokenParams, values) })
        })
        return done()
      },
    }),
    write('login/:name', {
      about: 'Log in with a passphrase.',
      access: 'public',
      returns: newToken,
      canonical,
      fields,
      handle: async ({ engine }, { name, passphrase }) => {
        const user = await engine.view.get(`user/${name}`, userShape)
        const expected = user ? Buffer.from(user.passphrase, 'hex') : hashed('')
        if (!timingSafeEqual(hashed(passphrase), expected) || !user) throw refuse('invalid name or passphrase')
        const metadata = { user: name }
        return {
          login: { ...user.params, alias: { name }, displayName: name, metadata, renewable: true, data: { name } },
        }
      },
    }),
  ],
})
