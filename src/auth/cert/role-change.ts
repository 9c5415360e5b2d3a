import { randomUUID } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { changedTokenParams, noTokenParams, olderNamesAfter, underNewerNames } from '../../contract/token-params.ts'
import { formatDuration } from '../../util/duration.ts'
import { changedOcsp, noOcsp } from './ocsp/settings.ts'
import { issuerOf, olderNames, restrictions, trustedOf } from './role.ts'
import type { Restriction, Restrictions, Role } from './role.ts'
import type { RoleValues } from './role-fields.ts'
import { isForClients } from './x509/path.ts'

/** The maximum number of values of all restrictions together, and of metadata extensions. */
const mostValues = 256
const mostMetadata = 32

/** The maximum number of certificates of a role, and length of its PEM in characters. */
const mostCertificates = 64
const longestPem = 512 * 1024

const names = Object.keys(restrictions) as Restriction[]

/** A role with the parameters of the request; the others are unchanged. @throws Fault invalid_request */
export function changedRole(name: string, old: Role | undefined, requested: RoleValues): Role {
  const values = withoutLease(requested)
  const { certificate, display_name: displayName, allowed_metadata_extensions: metadata } = values
  const base = old ?? newRole(name)
  const next: Role = {
    ...base,
    certificate: certificate ?? base.certificate,
    displayName: (displayName ?? base.displayName) || name,
    ...listsAfter(base, values),
    metadataExtensions: metadata ?? base.metadataExtensions,
    params: changedTokenParams(base.params, underNewerNames(olderNames, values)),
    older: olderNamesAfter(olderNames, values, base.older),
    ocsp: changedOcsp(base.ocsp ?? noOcsp, values),
  }
  checkCertificate(next)
  checkLists(next)
  return next
}

const newRole = (name: string): Role => ({
  uid: randomUUID(),
  certificate: '',
  displayName: name,
  allowed_names: null,
  allowed_common_names: null,
  allowed_dns_sans: null,
  allowed_email_sans: null,
  allowed_uri_sans: null,
  allowed_organizational_units: null,
  required_extensions: null,
  metadataExtensions: null,
  params: noTokenParams,
  older: [],
})

/** `lease` is an alias of `ttl`; the newer names take precedence. */
function withoutLease({ lease, ...values }: RoleValues): Omit<RoleValues, 'lease'> {
  const isUsed = lease !== undefined && values.ttl === undefined && values.token_ttl === undefined
  return isUsed ? { ...values, ttl: lease } : values
}

const listsAfter = (old: Role, values: RoleValues): Restrictions =>
  Object.fromEntries(names.map((name) => [name, values[name] ?? old[name]])) as Restrictions

/** Checks that the PEM has only authorities, or one client followed by its authorities. */
function checkCertificate({ certificate: pem, ocsp }: Role): void {
  const trusted = pem.length <= longestPem ? trustedOf(pem) : undefined
  if (!trusted) throw refuse('failed to parse certificate')
  if (trusted.certificates.length > mostCertificates)
    throw refuse(`'certificate' can have at most ${mostCertificates} certificates`)
  if (!trusted.byAuthority && !isForClients(trusted.certificates[0]))
    throw refuse('nonCA certificates should have TLS client authentication set as an extended key usage')
  if (ocsp?.enabled && issuerOf(trusted) === undefined)
    throw refuse(
      "'ocsp_enabled' needs the certificate of the client's issuer: append it to 'certificate', after that of the client",
    )
}

function checkLists(role: Role): void {
  if (names.reduce((sum, name) => sum + (role[name]?.length ?? 0), 0) > mostValues)
    throw refuse(`the restrictions of a role can have at most ${mostValues} values`)
  const extension = role.required_extensions?.find((one) => !/^\d+(?:\.\d+)+:/.test(one))
  if (extension !== undefined)
    throw refuse(`"${extension}" in 'required_extensions' is not of the form OID:VALUE, such as 1.2.3.4:eng`)
  const metadata = role.metadataExtensions ?? []
  if (metadata.length > mostMetadata)
    throw refuse(`'allowed_metadata_extensions' can have at most ${mostMetadata} OIDs`)
  const oid = metadata.find((one) => !/^\d+(?:\.\d+)+$/.test(one))
  if (oid !== undefined) throw refuse(`"${oid}" in 'allowed_metadata_extensions' is not an OID, such as 1.2.3.4`)
}

/** Warnings about durations of a role that exceed the limits of the mount (seconds). */
export function warningsOf(
  { params }: Role,
  { defaultTtl, maxTtl }: { readonly defaultTtl: number; readonly maxTtl: number },
): readonly string[] {
  const warning = (name: string, value: number, limitName: string, limit: number): readonly string[] =>
    value > limit ? [`${name} is greater than the ${limitName} of the mount, ${formatDuration(limit)}`] : []
  return [
    ...warning('token_ttl', params.ttl, 'default TTL', defaultTtl),
    ...warning('token_max_ttl', params.maxTtl, 'maximum TTL', maxTtl),
    ...warning('token_period', params.period, 'maximum TTL', maxTtl),
  ]
}
