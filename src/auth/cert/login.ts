import type { LoginData, Renewal, RenewalRequest } from '../../contract/engine.ts'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { TokenRecord } from '../../contract/identity.ts'
import type { Login } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import { newToken } from '../../contract/wire/returns.ts'
import { base64, fromBase64 } from '../../util/bytes.ts'
import { configOf } from './config.ts'
import type { Cert } from './mount.ts'
import { keyOf, roleShape } from './role.ts'
import type { Role } from './role.ts'
import { isSame, matching, verified } from './verify.ts'
import type { Verified } from './verify.ts'
import { colons, commonNameOf, extensionText } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'

const { write } = routesOf<Cert>()

/** `login`. */
export const loginRoute = write('login', {
  about: 'Log in with the certificate of the TLS connection.',
  access: 'public',
  returns: newToken,
  loginRole: async ({ engine, request }, { name }) => matching(engine, request, name.toLowerCase()),
  fields: { name: f.string('Name of the only trusted certificate to try; all by default.').or('') },
  handle: async ({ engine, request, isGiven }, { name }) => {
    const roleName = name.toLowerCase()
    if (isGiven('name') && roleName.trim() === '' && roleName !== '') throw refuse("'name' has only spaces")
    const { aliasMetadata } = await configOf(engine.view)
    return { login: loginOf(await verified(engine, request, roleName), aliasMetadata) }
  },
})

function loginOf({ name, role, certificate }: Verified, aliasMetadata: boolean): Login {
  const metadata = {
    ...extensionsOf(role, certificate),
    cert_name: name,
    common_name: commonNameOf(certificate),
    serial_number: certificate.serial,
    subject_key_id: colons(certificate.keyIds.own),
    authority_key_id: colons(certificate.keyIds.issuer),
  }
  return {
    ...role.params,
    alias: { name: aliasOf(certificate), ...(aliasMetadata && { metadata }) },
    displayName: role.displayName,
    metadata,
    renewable: true,
    data: { role: name, uid: role.uid, certificate: base64(certificate.der) },
  }
}

/** The common name; without one, the SPIFFE ID of an X.509-SVID. @throws Fault invalid_request when there is neither */
function aliasOf(certificate: Certificate): string {
  const [uri, ...more] = certificate.altNames.uri
  const spiffeId = more.length === 0 && uri?.startsWith('spiffe://') ? uri : ''
  const name = commonNameOf(certificate) || spiffeId
  if (name.trim() === '') throw refuse('the certificate has no common name: it is needed as the name of the alias')
  return name
}

/** Metadata from extensions; the keys are their OIDs with dashes instead of dots. */
function extensionsOf({ metadataExtensions }: Role, certificate: Certificate): Readonly<Record<string, string>> {
  const pairs = (metadataExtensions ?? []).map(
    (oid) => [oid.replaceAll('.', '-'), extensionText(certificate, oid)] as const,
  )
  return Object.fromEntries(pairs.filter((pair): pair is readonly [string, string] => pair[1] !== undefined))
}

/**
 * The current limits of the role. Unless `disable_binding` is set, the connection must have the certificate of the login,
 * and the role must still accept it.
 * @throws Fault invalid_request
 */
export async function renewal(
  engine: Cert,
  data: LoginData,
  token: TokenRecord,
  request: RenewalRequest,
): Promise<Renewal> {
  const name = String(data['role'])
  const { disableBinding } = await configOf(engine.view)
  if (!disableBinding) {
    const { certificate } = await verified(engine, request, name)
    if (!isSame(certificate.der, fromBase64(String(data['certificate'])) ?? new Uint8Array()))
      throw refuse('client identity during renewal not matching client identity used during login')
  }
  const role = await engine.view.get(keyOf(name), roleShape)
  if (!role || role.uid !== data['uid']) throw refuse('the token cannot be renewed: its trusted certificate is gone')
  const { ttl, maxTtl, period, explicitMaxTtl, policies } = role.params
  const withoutDefault = (names: readonly string[]): string => names.filter((one) => one !== 'default').join(',')
  if (withoutDefault(policies) !== withoutDefault(token.policies)) throw refuse('policies have changed, not renewing')
  return { ttl, maxTtl, period, explicitMaxTtl }
}
