import { fitsGlob } from '../../util/glob.ts'
import { restrictions } from './role.ts'
import type { Restriction, Role } from './role.ts'
import { attributesOf, commonNameOf, extensionText, oids } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'

/** Whether a certificate fits all restrictions of a role: at least one value of each that is set; of required_extensions, every value. */
export const fitsRestrictions = (role: Role, certificate: Certificate): boolean =>
  (Object.keys(restrictions) as Restriction[]).every((name) => {
    const globs = role[name] ?? []
    if (globs.length === 0) return true
    if (name === 'required_extensions') return globs.every((glob) => hasExtension(certificate, glob))
    return namesFor[name](certificate).some((value) => value !== '' && globs.some((glob) => fitsGlob(glob, value)))
  })

/** The names of a certificate that each restriction applies to. */
const namesFor: Readonly<Record<Exclude<Restriction, 'required_extensions'>, (one: Certificate) => readonly string[]>> =
  {
    allowed_names: (one) => [commonNameOf(one), ...one.altNames.dns, ...one.altNames.email],
    allowed_common_names: (one) => [commonNameOf(one)],
    allowed_dns_sans: (one) => one.altNames.dns,
    allowed_email_sans: (one) => one.altNames.email,
    allowed_uri_sans: (one) => one.altNames.uri,
    allowed_organizational_units: (one) => attributesOf(one, oids.organizationalUnit),
  }

/** @param required `OID:VALUE` */
function hasExtension(certificate: Certificate, required: string): boolean {
  const colon = required.indexOf(':')
  const value = extensionText(certificate, required.slice(0, colon))
  return value !== undefined && fitsGlob(required.slice(colon + 1), value)
}
