import { f } from '../../contract/field.ts'
import type { Values } from '../../contract/field.ts'
import { tokenParamFields } from '../../contract/token-params.ts'
import type { ocspFields } from './ocsp/settings.ts'
import { restrictions } from './role.ts'
import type { Restriction } from './role.ts'

const list = (name: Restriction) => f.list(restrictions[name]).limiting()

/** The fields of a role that its route shows. */
export const roleFields = {
  certificate: f.string('PEM: the authorities of the clients, or the certificate of one client.'),
  display_name: f.string('The name of the tokens in audit lines and lookups; the name of the role when left out.'),
  allowed_names: list('allowed_names'),
  allowed_common_names: list('allowed_common_names'),
  allowed_dns_sans: list('allowed_dns_sans'),
  allowed_email_sans: list('allowed_email_sans'),
  allowed_uri_sans: list('allowed_uri_sans'),
  allowed_organizational_units: list('allowed_organizational_units'),
  required_extensions: list('required_extensions'),
  allowed_metadata_extensions: f.list('OIDs of extensions whose strings become metadata, with - in place of the dots.'),
  ...tokenParamFields,
  policies: f.list('Older name of token_policies.').alias('token_policies'),
  ttl: f.duration('Older name of token_ttl.').limiting().alias('token_ttl'),
  max_ttl: f.duration('Older name of token_max_ttl.').limiting().alias('token_max_ttl'),
  period: f.duration('Older name of token_period.').alias('token_period'),
  bound_cidrs: f.list('Older name of token_bound_cidrs.').limiting().alias('token_bound_cidrs'),
}

/** A field that is shown as `ttl`. */
export const leaseField = { lease: f.duration('Older name of token_ttl.').limiting().alias('token_ttl') }

/** Values of all these fields; undefined: left out. */
export type RoleValues = Partial<Values<typeof roleFields & typeof leaseField & typeof ocspFields>>
