import type { View } from '../../contract/view.ts'
import { derValues, tags } from '../../crypto/encoding/der.ts'
import { pemBlocks } from '../../crypto/encoding/pem.ts'
import type { Clock } from '../../util/clock.ts'
import { Provider, ProviderError, addressProblem } from '../../util/http/provider.ts'
import { hasMembers, isName, isText, isTime, orAbsent } from '../../util/stored/shape.ts'
import { roleShape, trustedBy } from './role.ts'
import { isAuthority, oids } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'
import { mostRevoked, readList } from './x509/crl.ts'
import type { RevocationList } from './x509/crl.ts'
import { isSignedBy } from './x509/signature.ts'
import { hasStrongKey } from './x509/strength.ts'

/** The origin of a fetched revocation list, and its identity. Times in epoch milliseconds. */
export interface Source {
  readonly url: string
  /** The name of its issuer, base64 of the DER. */
  readonly issuer: string
  /** The certificates that it covers (`RevocationList`); absent: all of the issuer. */
  readonly scope?: string
  readonly thisUpdate: number
  /** When it expires and is fetched again. */
  readonly validUntil: number
}

/** Whether a stored value is a `Source`. */
export const isSource = (value: unknown): boolean =>
  hasMembers<Source>(value, { url: isName, issuer: isName, scope: orAbsent(isText), thisUpdate: isTime, validUntil: isTime }) // prettier-ignore

/** The maximum size of a list in bytes, and length of a URL in characters. */
const largest = 16 * 1024 * 1024
const longestAddress = 2048

/** The tolerated clock difference, milliseconds. */
const skew = 5 * 60_000

/** A list could not be fetched, or is not acceptable. The message is for the administrator of the mount. */
export class ListError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ListError'
  }
}

/** The reason why a URL is refused; undefined: it is accepted. Lists are signed, so http:// is sufficient. */
export function listAddressProblem(url: string): string | undefined {
  if (url.length > longestAddress) return `it is longer than ${longestAddress} characters`
  return addressProblem(url, true)
}

/**
 * Fetches a list, PEM or DER, within 5 seconds. It must be current, and signed by an authority of a trusted certificate.
 * @throws ListError
 */
export async function fetchedList(
  { view, clock }: { readonly view: View; readonly clock: Clock },
  url: string,
): Promise<{ readonly serials: readonly string[]; readonly source: Source }> {
  const list = await readList(await download(clock, url))
  if (!list)
    throw new ListError(
      `it is not a revocation list in PEM or DER format, or it has more than ${mostRevoked} certificates`,
    )
  const { serials, issuer, scope, thisUpdate, nextUpdate: validUntil } = list
  if (list.isDelta) throw new ListError('it is a delta CRL, which lists only the changes to another list')
  if (validUntil === undefined) throw new ListError('it has no nextUpdate')
  if (thisUpdate > clock.now() + skew) throw new ListError('it is not valid yet (thisUpdate)')
  if (validUntil <= clock.now()) throw new ListError('it has expired (nextUpdate)')
  if (!(await isSignedByAuthority(view, list)))
    throw new ListError(
      'it is not signed by an authority of a trusted certificate of this mount: write that trusted certificate first',
    )
  return { serials, source: { url, issuer, ...(scope !== '' && { scope }), thisUpdate, validUntil } }
}

async function download(clock: Clock, url: string): Promise<Uint8Array> {
  try {
    const bytes = await Provider.ask(clock, async (provider) => provider.signed({ url, ca: '', most: largest }))
    // A SEQUENCE begins with 0x30, a PEM with "-".
    if (bytes[0] !== 0x2d) return bytes
    const [der, ...more] = pemBlocks(Buffer.from(bytes).toString('latin1'), 'X509 CRL') ?? []
    return der && more.length === 0 ? der : new Uint8Array()
  } catch (thrown) {
    if (thrown instanceof ProviderError) throw new ListError(thrown.message)
    throw thrown
  }
}

async function isSignedByAuthority(view: View, { issuer, signed }: RevocationList): Promise<boolean> {
  const isCandidate = (one: Certificate): boolean =>
    one.subject === issuer && isAuthority(one) && maySignLists(one) && hasStrongKey(one)
  for (const name of await view.list('cert/')) {
    const role = await view.get(`cert/${name}`, roleShape)
    const certificates = (role && trustedBy(role)?.certificates) ?? []
    if (certificates.some((one) => isCandidate(one) && isSignedBy(one.x509.publicKey, signed))) return true
  }
  return false
}

/** Whether the key usage includes cRLSign (bit 6), or is absent. */
function maySignLists({ extensions }: Certificate): boolean {
  const usage = extensions.get(oids.keyUsage)
  if (!usage) return true
  try {
    const [bits] = derValues(usage.value)
    return bits?.tag === tags.bitString && ((bits.content[1] ?? 0) & 0x02) !== 0
  } catch {
    return false
  }
}
