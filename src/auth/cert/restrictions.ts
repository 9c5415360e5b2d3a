import { fitsGlob } from '../../util/glob.ts'
import { restrictions } from './role.ts'
import type { Restriction, Role } from './role.ts'
import { attributesOf, commonNameOf, extensionText, oids } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'

/** Whether a certificate fits all restrictions of a role: of each that is set, one value. */
export const fits = (role: Role, certificate: Certificate): boolean =>
  (Object.keys(restrictions) as Restriction[]).every((name) => {
    const wanted = role[name] ?? []
    if (wanted.length === 0) return true
    if (name === 'required_extensions') return wanted.every((one) => hasExtension(certificate, one))
    return namesFor[name](certificate).some((found) => found !== '' && wanted.some((glob) => fitsGlob(glob, found)))
  })

/** The names of a certificate that each restriction is about. */
const namesFor: Readonly<Record<Exclude<Restriction, 'required_extensions'>, (one: Certificate) => readonly string[]>> =
  {
    allowed_names: (one) => [commonNameOf(one), ...one.altNames.dns, ...one.altNames.email],
    allowed_common_names: (one) => [commonNameOf(one)],
    allowed_dns_sans: (one) => one.altNames.dns,
    allowed_email_sans: (one) => one.altNames.email,
    allowed_uri_sans: (one) => one.altNames.uri,
    allowed_organizational_units: (one) => attributesOf(one, oids.organizationalUnit),
  }

/** `OID:VALUE`. */
function hasExtension(certificate: Certificate, wanted: string): boolean {
  const colon = wanted.indexOf(':')
  const text = extensionText(certificate, wanted.slice(0, colon))
  return text !== undefined && fitsGlob(wanted.slice(colon + 1), text)
}
