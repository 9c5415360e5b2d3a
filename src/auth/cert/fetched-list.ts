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

/** Where a revocation list comes from, and which list it was. Times in epoch milliseconds. */
export interface Source {
  readonly url: string
  /** The DER of its issuer's name, base64. */
  readonly issuer: string
  /** Which certificates it is about (`RevocationList`); absent: all. */
  readonly scope?: string
  readonly thisUpdate: number
  /** It has to be fetched again then. */
  readonly validUntil: number
}

/** Whether it is such a record. */
export const isSource = (value: unknown): boolean =>
  hasMembers<Source>(value, { url: isName, issuer: isName, scope: orAbsent(isText), thisUpdate: isTime, validUntil: isTime }) // prettier-ignore

/** The most bytes of a list, and characters of an address. */
const largest = 16 * 1024 * 1024
const longestAddress = 2048

/** How far clocks may be apart, milliseconds. */
const skew = 5 * 60_000

/** A list could not be fetched, or is none that counts. The message is for whoever configures the mount. */
export class ListError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ListError'
  }
}

/** Why no list is fetched from an address; undefined: it is fine. Lists are signed, so that http:// will do. */
export function listAddressProblem(url: string): string | undefined {
  if (url.length > longestAddress) return `it is longer than ${longestAddress} characters`
  return addressProblem(url, true)
}

/**
 * Fetches a list, PEM or DER, within 5 seconds. An authority of a trusted certificate has to have signed it, and it has to be one of now.
 * @throws ListError
 */
export async function fetchedList(
  { view, clock }: { readonly view: View; readonly clock: Clock },
  url: string,
): Promise<{ readonly serials: readonly string[]; readonly source: Source }> {
  const list = await readList(await bytesFrom(clock, url))
  if (!list) throw new ListError(`it is no revocation list in PEM or DER, or has more than ${mostRevoked} certificates`)
  const { serials, issuer, scope, thisUpdate, nextUpdate: validUntil } = list
  if (list.isDelta) throw new ListError('it has only what is new since another list (delta CRL)')
  if (validUntil === undefined) throw new ListError('it does not say when the next one will be there (nextUpdate)')
  if (thisUpdate > clock.now() + skew) throw new ListError('it is of a time that has not come yet (thisUpdate)')
  if (validUntil <= clock.now()) throw new ListError('it is an old one (nextUpdate)')
  if (!(await hasAuthority(view, list)))
    throw new ListError(
      'no authority of a trusted certificate of this mount has signed it: write that trusted certificate first',
    )
  return { serials, source: { url, issuer, ...(scope !== '' && { scope }), thisUpdate, validUntil } }
}

async function bytesFrom(clock: Clock, url: string): Promise<Uint8Array> {
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

async function hasAuthority(view: View, { issuer, signed }: RevocationList): Promise<boolean> {
  const mayHaveSigned = (one: Certificate): boolean =>
    one.subject === issuer && isAuthority(one) && maySignLists(one) && hasStrongKey(one)
  for (const name of await view.list('cert/')) {
    const role = await view.get(`cert/${name}`, roleShape)
    const known = (role && trustedBy(role)?.certificates) ?? []
    if (known.some((one) => mayHaveSigned(one) && isSignedBy(one.x509.publicKey, signed))) return true
  }
  return false
}

/** Whether the key usage, where there is one, includes lists (cRLSign, bit 6). */
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
