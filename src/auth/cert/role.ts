import { Fault } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { folded, isPathName } from '../../contract/names.ts'
import { isTokenParams, renderedTokenParams } from '../../contract/token-params.ts'
import type { TokenParams } from '../../contract/token-params.ts'
import { perObject } from '../../util/caches/per-object.ts'
import { isListOf, isName, isOneOf, isText, orAbsent, orNull, shapeOf } from '../../util/stored/shape.ts'
import { isOcspSettings, noOcsp, renderedOcsp } from './ocsp/settings.ts'
import type { OcspSettings } from './ocsp/settings.ts'
import { isAuthority } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'
import { hasIssued } from './x509/paths.ts'
import { certificatesIn } from './x509/pem.ts'

/** Older names of token parameters. */
export const olderNames = {
  policies: 'token_policies',
  ttl: 'token_ttl',
  max_ttl: 'token_max_ttl',
  period: 'token_period',
  bound_cidrs: 'token_bound_cidrs',
} as const
type OlderName = keyof typeof olderNames

/** The restrictions of a role. Each is a list, null until it is set; null and an empty list allow all values. */
export const restrictions = {
  allowed_names: 'Common names, DNS names or email addresses. * matches any characters. Superseded by the four fields that follow.',
  allowed_common_names: 'Common names. * matches any characters.',
  allowed_dns_sans: 'DNS names. * matches any characters.',
  allowed_email_sans: 'Email addresses. * matches any characters.',
  allowed_uri_sans: 'URIs, such as spiffe://example.com/billing. * matches any characters.',
  allowed_organizational_units: 'Organizational units. * matches any characters.',
  required_extensions: 'Extensions that the certificate must have, all of them, each as OID:VALUE with a string value. * matches any characters.',
} as const // prettier-ignore
export type Restriction = keyof typeof restrictions
/** The values of the restrictions of a role. */
export type Restrictions = { readonly [K in Restriction]: readonly string[] | null }

/** A role as stored, at `cert/<name>`. The API calls it a trusted certificate. */
export interface Role extends Restrictions {
  /** Unique, so that a token of a removed role does not belong to a new role of the same name. */
  readonly uid: string
  /** PEM. Either authorities, or the certificate of one client, optionally followed by its authorities. */
  readonly certificate: string
  readonly displayName: string
  /** OIDs of extensions that are stored as metadata. */
  readonly metadataExtensions: readonly string[] | null
  readonly params: TokenParams
  /** Older names by which parameters were last set: responses have these as well. */
  readonly older: readonly OlderName[]
  /** Absent: disabled. */
  readonly ocsp?: OcspSettings
}

const isList = orNull(isListOf(isName))

/** The shape of a stored role. */
export const roleShape = shapeOf<Role>('a trusted certificate', {
  uid: isName,
  certificate: isName,
  displayName: isText,
  allowed_names: isList,
  allowed_common_names: isList,
  allowed_dns_sans: isList,
  allowed_email_sans: isList,
  allowed_uri_sans: isList,
  allowed_organizational_units: isList,
  required_extensions: isList,
  metadataExtensions: isList,
  params: isTokenParams,
  older: isListOf(isOneOf(...Object.keys(olderNames))),
  ocsp: orAbsent(isOcspSettings),
})

/** The certificates that a role trusts. */
export interface Trusted {
  /** True: all clients of these authorities. False: only the client with the first certificate. */
  readonly byAuthority: boolean
  readonly certificates: readonly [Certificate, ...Certificate[]]
}

/** Parses the PEM of a role; undefined if it is invalid, or has a client after another certificate. */
export function trustedOf(pem: string): Trusted | undefined {
  const [first, ...rest] = certificatesIn(pem) ?? []
  if (!first || !rest.every(isAuthority)) return undefined
  return { byAuthority: isAuthority(first), certificates: [first, ...rest] }
}

/** The certificates of a role, parsed once; undefined for a damaged record, which trusts no client. */
export const trustedBy = perObject(({ certificate }: Role) => trustedOf(certificate))

/** The issuer of a role's only client, from the authorities after it; for a role of authorities, the first one. */
export function issuerOf({ byAuthority, certificates: [first, ...rest] }: Trusted): Certificate | undefined {
  return byAuthority ? first : rest.find((one) => hasIssued(one, first))
}

/** The path parameter of a role: its name, case-insensitive. */
export const roleName = { name: f.string('Name of the trusted certificate.').or('') }
export const canonical = { name: folded }

/** The storage key of a role. @throws Fault unsupported_path for an invalid name */
export function keyOf(name: string): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `cert/${name}`
}

/** A role as in a response. */
export function rendered(role: Role): Readonly<Record<string, unknown>> {
  const params = renderedTokenParams(role.params)
  return {
    certificate: role.certificate,
    display_name: role.displayName,
    ...Object.fromEntries((Object.keys(restrictions) as Restriction[]).map((name) => [name, role[name]])),
    allowed_metadata_extensions: role.metadataExtensions,
    ...renderedOcsp(role.ocsp ?? noOcsp),
    ...params,
    ...Object.fromEntries(role.older.map((name) => [name, params[olderNames[name]]])),
  }
}
