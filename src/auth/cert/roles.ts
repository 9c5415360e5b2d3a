import { done } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { NamedRecords } from '../../contract/wire/named-records.ts'
import { pageFields } from '../../contract/wire/page.ts'
import { keys } from '../../contract/wire/returns.ts'
import type { Cert } from './mount.ts'
import { changedRole, warningsOf } from './role-change.ts'
import { ocspFields } from './ocsp/settings.ts'
import { leaseField, roleFields } from './role-fields.ts'
import { canonical, keyOf, rendered, roleName, roleShape } from './role.ts'

const { read, list, write, remove } = routesOf<Cert>()

/** The fields of a role that are null until they are set. */
const nullable = {
  allowed_names: roleFields.allowed_names.orNull(),
  allowed_common_names: roleFields.allowed_common_names.orNull(),
  allowed_dns_sans: roleFields.allowed_dns_sans.orNull(),
  allowed_email_sans: roleFields.allowed_email_sans.orNull(),
  allowed_uri_sans: roleFields.allowed_uri_sans.orNull(),
  allowed_organizational_units: roleFields.allowed_organizational_units.orNull(),
  required_extensions: roleFields.required_extensions.orNull(),
  allowed_metadata_extensions: roleFields.allowed_metadata_extensions.orNull(),
  ocsp_servers_override: ocspFields.ocsp_servers_override.orNull(),
}

const roles = new NamedRecords({
  noun: ['trusted certificate', 'trusted certificates'],
  folder: 'cert/',
  keyOf,
  shape: roleShape,
  rendered,
})

/** `certs` and `certs/:name`. */
export const roleRoutes = [
  list('certs', {
    about: 'List trusted certificates.',
    returns: keys('The names.'),
    fields: pageFields,
    handle: roles.list,
  }),
  read('certs/:name', {
    about: 'Read a trusted certificate.',
    canonical,
    fields: roleName,
    returns: { ...roleFields, ...ocspFields, ...nullable },
    handle: roles.read,
  }),
  write('certs/:name', {
    about: 'Create or update a trusted certificate: the authorities of clients, or the certificate of one client.',
    canonical,
    fields: { ...roleName, ...roleFields, ...leaseField, ...ocspFields },
    exists: roles.exists,
    handle: async (call, { name, ...values }) => {
      const role = await roles.change(call, name, (old) => changedRole(name, old, values))
      return done(warningsOf(role, call.engine.limits()))
    },
  }),
  remove('certs/:name', {
    about: 'Remove a trusted certificate. Its tokens stay valid until they expire, but cannot be renewed.',
    canonical,
    fields: roleName,
    handle: roles.remove,
  }),
]
