import { refuse } from '../../../../../contract/fault.ts'
import { f } from '../../../../../contract/field.ts'
import { answer, done } from '../../../../../contract/response.ts'
import { routesOf } from '../../../../../contract/route.ts'
import { namesIn, pageFields } from '../../../../../contract/wire/page.ts'
import { keys } from '../../../../../contract/wire/returns.ts'
import type { Identity } from '../../../identity.ts'
import { mustExist } from '../../../routes/shared.ts'
import { atOidc, canonicalName, nameField } from '../../names.ts'
import { readTemplate, templateText } from '../../templates.ts'
import { providersOf, scopeShape } from './records.ts'

const { read, list, write, remove } = routesOf<Identity>()

/** The scope of every request. */
export const openid = 'openid'

const name = nameField('scope')
const settings = {
  template: f.string('Its claims: JSON with directives such as {{identity.entity.name}}, plain or in base64.'),
  description: f.string('A description of the scope.'),
}

/** `oidc/scope`: the claims that clients can request. */
export const scopeRoutes = [
  list('oidc/scope', {
    about: 'List scopes.',
    fields: pageFields,
    returns: keys('The names.'),
    handle: async ({ engine }, page) => answer({ keys: await namesIn(engine.view, 'oidc-scope/', 'no scopes', page) }),
  }),
  read('oidc/scope/:name', {
    about: 'Read a scope.',
    canonical: canonicalName,
    fields: name,
    returns: settings,
    handle: async ({ engine }, { name: named }) =>
      answer({ ...mustExist(await engine.view.get(atOidc.scope(named), scopeShape)) }),
  }),
  write('oidc/scope/:name', {
    about: 'Create or change a scope.',
    canonical: canonicalName,
    fields: { ...name, ...settings },
    exists: async ({ engine }, { name: named = '' }) =>
      (await engine.view.get(atOidc.scope(named), scopeShape)) !== undefined,
    handle: async ({ engine, confirm }, { name: named, template, description }) => {
      if (named === openid) throw refuse('the "openid" scope name is reserved')
      const text = template === undefined ? undefined : templateText(template)
      if (text !== undefined) readTemplate(text)
      await engine.view.transaction(async (tx) => {
        const old = await tx.get(atOidc.scope(named), scopeShape)
        confirm(old !== undefined)
        tx.put(atOidc.scope(named), {
          template: text ?? old?.template ?? '',
          description: description ?? old?.description ?? '',
        })
      })
      return done()
    },
  }),
  remove('oidc/scope/:name', {
    about: 'Remove a scope. No provider may refer to it.',
    canonical: canonicalName,
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      await engine.view.transaction(async (tx) => {
        if (!(await tx.get(atOidc.scope(named), scopeShape))) return
        // A concurrent write of a provider with this scope conflicts and is retried.
        tx.unchanged('oidc-provider/')
        const users = (await providersOf(engine.view)).filter(([, { scopes }]) => scopes.includes(named))
        if (users.length > 0)
          throw refuse(`unable to delete scope "${named}" because it is currently referenced by these providers: ${users.map(([user]) => user).join(', ')}`) // prettier-ignore
        tx.del(atOidc.scope(named))
      })
      return done()
    },
  }),
]
