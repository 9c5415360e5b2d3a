import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { tokenParamFields } from '../../contract/token-params.ts'
import type { ocspFields } from './ocsp/settings.ts'
import { restrictions } from './role.ts'
import type { Restriction } from './role.ts'

const list = (name: Restriction) => f.list(restrictions[name]).limiting()

/** The fields of a role in requests and responses. */
export const roleFields = {
  certificate: f.string('PEM of the authorities of the clients, or of the certificate of one client.'),
  display_name: f.string('Display name of the tokens in audit logs and lookups; the name of the role by default.'),
  allowed_names: list('allowed_names'),
  allowed_common_names: list('allowed_common_names'),
  allowed_dns_sans: list('allowed_dns_sans'),
  allowed_email_sans: list('allowed_email_sans'),
  allowed_uri_sans: list('allowed_uri_sans'),
  allowed_organizational_units: list('allowed_organizational_units'),
  required_extensions: list('required_extensions'),
  allowed_metadata_extensions: f.list(
    'OIDs of extensions to store as metadata; each key is the OID with - instead of the dots.',
  ),
  ...tokenParamFields,
  policies: f.list('Older name of token_policies.').alias('token_policies'),
  ttl: f.duration('Older name of token_ttl.').limiting().alias('token_ttl'),
  max_ttl: f.duration('Older name of token_max_ttl.').limiting().alias('token_max_ttl'),
  period: f.duration('Older name of token_period.').alias('token_period'),
  bound_cidrs: f.list('Older name of token_bound_cidrs.').limiting().alias('token_bound_cidrs'),
}

/** A field of requests only: responses have `ttl`. */
export const leaseField = { lease: f.duration('Older name of token_ttl.').limiting().alias('token_ttl') }

/** The values of all these fields in a request; undefined: not sent. */
export type RoleValues = Partial<Values<typeof roleFields & typeof leaseField & typeof ocspFields>>
