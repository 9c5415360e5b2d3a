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
import { signed } from './x509/paths.ts'
import { certificatesIn } from './x509/pem.ts'

/** Older names of token parameters, which are shown as well. */
export const olderNames = {
  policies: 'token_policies',
  ttl: 'token_ttl',
  max_ttl: 'token_max_ttl',
  period: 'token_period',
  bound_cidrs: 'token_bound_cidrs',
} as const
type OlderName = keyof typeof olderNames

/** The restrictions of a role. Each is a list, null until it is set; null and empty: none. */
export const restrictions = {
  allowed_names: 'Common names, DNS names or email addresses. * stands for any characters. Older; see the four that follow.',
  allowed_common_names: 'Common names. * stands for any characters.',
  allowed_dns_sans: 'DNS names. * stands for any characters.',
  allowed_email_sans: 'Email addresses. * stands for any characters.',
  allowed_uri_sans: 'URIs, such as spiffe://example.com/billing. * stands for any characters.',
  allowed_organizational_units: 'Organizational units. * stands for any characters.',
  required_extensions: 'Extensions that the certificate must all have, as OID:VALUE, with strings as values. * stands for any characters.',
} as const // prettier-ignore
export type Restriction = keyof typeof restrictions
/** Their values. */
export type Restrictions = { readonly [K in Restriction]: readonly string[] | null }

/** A role as stored, at `cert/<name>`. OpenBao calls it a trusted certificate. */
export interface Role extends Restrictions {
  /** Never used again: a token of a role that was removed is no token of a later one of its name. */
  readonly uid: string
  /** PEM. Either authorities, or the certificate of one client, maybe followed by its authorities. */
  readonly certificate: string
  readonly displayName: string
  /** OIDs of extensions that become metadata. */
  readonly metadataExtensions: readonly string[] | null
  readonly params: TokenParams
  /** Older names under which a parameter was set last: it is shown under those as well. */
  readonly older: readonly OlderName[]
  /** Absent: not enabled. */
  readonly ocsp?: OcspSettings
}

const isList = orNull(isListOf(isName))

/** The shape of that record. */
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

/** What a role trusts. */
export interface Trusted {
  /** Any client of these authorities; else only the client that has the first certificate. */
  readonly byAuthority: boolean
  readonly certificates: readonly [Certificate, ...Certificate[]]
}

/** The certificates of a PEM, by what they say of themselves; undefined for what is none, or authorities mixed with others. */
export function trustedOf(pem: string): Trusted | undefined {
  const [first, ...rest] = certificatesIn(pem) ?? []
  if (!first || !rest.every(isAuthority)) return undefined
  return { byAuthority: isAuthority(first), certificates: [first, ...rest] }
}

/** The certificates of a role, parsed once. Those of a damaged record are trusted by nobody. */
export const trustedBy = perObject(({ certificate }: Role) => trustedOf(certificate))

/** The issuer of the only client of a role, among the authorities after it; the first authority for a role of authorities. */
export function issuerOf({ byAuthority, certificates: [first, ...rest] }: Trusted): Certificate | undefined {
  return byAuthority ? first : rest.find((one) => signed(one, first))
}

/** The parameter of every path of a role. Letter case does not count. */
export const roleName = { name: f.string('Name of the trusted certificate.').or('') }
export const canonical = { name: folded }

/** Where a role is stored. @throws Fault unsupported_path for what cannot be a name */
export function keyOf(name: string): string {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return `cert/${name}`
}

/** A role as its route shows it. */
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
