import { refuse } from '../../../../contract/fault.ts'
import { f } from '../../../../contract/field.ts'
import type { Values } from '../../../../contract/field.ts'
import { answer, done } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call } from '../../../../contract/route.ts'
import { namesIn, pageFields } from '../../../../contract/wire/page.ts'
import { keys } from '../../../../contract/wire/returns.ts'
import { base62 } from '../../../../util/base62.ts'
import type { Identity } from '../../identity.ts'
import { mustExist } from '../../routes/shared.ts'
import { atOidc, canonicalName, nameField } from '../names.ts'
import { readTemplate, templateText } from '../templates.ts'
import { keyNamed } from './keys.ts'
import { roleShape } from './role-record.ts'
import type { OidcRole } from './role-record.ts'

const { read, list, write, remove } = routesOf<Identity>()

const name = nameField('role')
const settings = {
  key: f.string('The name of the signing key. Required for a new role.'),
  template: f.string('Claims in addition to the standard ones: JSON with directives such as {{identity.entity.name}}, plain or in base64.'), // prettier-ignore
  ttl: f
    .duration('How long its tokens are valid; the verification_ttl of the key at most.')
    .limiting()
    .initially(86_400),
  client_id: f.string('The audience of its tokens. For an empty value, and for a new role without one, it is generated.'), // prettier-ignore
}

/** `oidc/role`: the kinds of identity tokens. */
export const roleRoutes = [
  list('oidc/role', {
    about: 'List the roles of identity tokens.',
    fields: pageFields,
    returns: keys('The names.'),
    handle: async ({ engine }, page) => answer({ keys: await namesIn(engine.view, 'oidc-role/', 'no roles', page) }),
  }),
  read('oidc/role/:name', {
    about: 'Read a role.',
    canonical: canonicalName,
    fields: name,
    returns: settings,
    handle: async ({ engine }, { name: named }) => {
      const { clientId, ...role } = mustExist(await engine.view.get(atOidc.role(named), roleShape))
      return answer({ ...role, client_id: clientId })
    },
  }),
  write('oidc/role/:name', {
    about: 'Create or change a role.',
    canonical: canonicalName,
    fields: { ...name, ...settings },
    exists: async ({ engine }, { name: named = '' }) =>
      (await engine.view.get(atOidc.role(named), roleShape)) !== undefined,
    handle: async (call, values) => {
      await setRole(call, values)
      return done()
    },
  }),
  remove('oidc/role/:name', {
    about:
      'Remove a role. Its tokens stay valid until they expire, if another role or nothing but time ends their key.',
    canonical: canonicalName,
    fields: name,
    handle: async ({ engine }, { name: named }) => {
      await engine.view.del(atOidc.role(named))
      return done()
    },
  }),
]

const day = 24 * 3600

async function setRole(
  { engine, confirm }: Call<Identity>,
  values: Values<typeof settings & typeof name>,
): Promise<void> {
  const template = values.template === undefined ? undefined : templateText(values.template)
  if (template !== undefined) readTemplate(template)
  const fresh = base62(32, engine.random)
  await engine.view.transaction(async (tx) => {
    const old = await tx.get(atOidc.role(values.name), roleShape)
    confirm(old !== undefined)
    const role: OidcRole = {
      key: values.key ?? old?.key ?? '',
      template: template ?? old?.template ?? '',
      ttl: values.ttl ?? old?.ttl ?? day,
      clientId: (values.client_id ?? old?.clientId) || fresh,
    }
    if (role.key === '') throw refuse('the key parameter is required')
    const key = await keyNamed(tx, role.key)
    if (!key) throw refuse(`cannot find key "${role.key}"`)
    if (role.ttl > key.verificationTtl)
      throw refuse("a role's token ttl cannot be longer than the verification_ttl of the key it references")
    tx.put(atOidc.role(values.name), role)
  })
}
