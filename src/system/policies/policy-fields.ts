import { f } from '../../contract/field.ts'
import { folded } from '../../contract/names.ts'
import type { Alias } from '../../contract/route.ts'

/** The name in the path of a policy. */
export const name = { name: f.string('Name of the policy; letter case does not count.').or('') }

/** Its canonical form. */
export const canonical = { name: folded }

/** The older path of a policy. */
export const older: Alias = ({ name: wanted = '' }) => `policy/${wanted}`

/** The newer path of a policy. */
export const newer: Alias = ({ name: wanted = '' }) => `policies/acl/${wanted}`

/** The parameters of a change. */
export const changeFields = {
  ...name,
  policy: f.string('The policy: HCL, JSON, or base64 of either.').or(''),
  cas: f.int('The version that must be there now; -1: none.').limiting(),
  cas_required: f.bool('Later writes must give cas.').limiting(),
  ttl: f.any('How long the policy lives.'),
  expiration: f.string('When the policy ends, RFC 3339 or Unix seconds.').limiting(),
  allow_wildcards_in_identity_templates: f.bool('Values of templates may have * and +, as letters.'),
  allow_slashes_in_identity_templates: f.bool('Values of templates may have /.'),
}

/** A write replaces all of a policy: flags that are left out are off. */
export const writeFields = {
  ...changeFields,
  cas_required: changeFields.cas_required.or(false),
  allow_wildcards_in_identity_templates: changeFields.allow_wildcards_in_identity_templates.or(false),
  allow_slashes_in_identity_templates: changeFields.allow_slashes_in_identity_templates.or(false),
}

/** The names of policies. */
export const listMembers = { keys: f.list('Their names.') }

/** The members of a policy without its document. */
export const documentless = {
  name: f.string('Its name.'),
  version: f.int('Counts its changes.'),
  cas_required: f.bool('Writes must give cas.'),
  allow_wildcards_in_identity_templates: changeFields.allow_wildcards_in_identity_templates,
  allow_slashes_in_identity_templates: changeFields.allow_slashes_in_identity_templates,
  modified: f.string('When it was last written.'),
  expiration: f.string('When it expires; absent: never.'),
}

/** The members of a policy. */
export const policyMembers = { ...documentless, policy: f.string('The policy as it was written.') }
