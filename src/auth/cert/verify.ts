import { timingSafeEqual } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { Fault, refuse } from '../../contract/fault.ts'
import { isPathName } from '../../contract/names.ts'
import type { Request } from '../../contract/request.ts'
import { fromBase64 } from '../../util/bytes.ts'
import { Deadline } from '../../util/http/deadline.ts'
import { Slices } from '../../util/slices.ts'
import { configOf } from './config.ts'
import { revocationOf } from './revocation.ts'
import type { Cert } from './mount.ts'
import type { LoginQueries } from './ocsp/checker.ts'
import { noOcsp } from './ocsp/settings.ts'
import { fitsRestrictions } from './restrictions.ts'
import { issuerOf, roleShape, trustedBy } from './role.ts'
import type { Role } from './role.ts'
import { readCertificate } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'
import { certificateProblem, pathProblem } from './x509/path.ts'
import { PathSearch } from './x509/paths.ts'

/** The time limit of a login for all servers that it queries about its certificate, milliseconds. */
const longestWait = 5000

/** A client with a valid certificate, and the role that accepts it. */
export interface Verified {
  readonly name: string
  readonly role: Role
  readonly certificate: Certificate
}

/** A login attempt: the client's certificate, and the reasons why roles refused it. */
interface Attempt {
  readonly certificate: Certificate
  readonly paths: PathSearch
  /** Why paths to trusted authorities are not valid. */
  readonly problems: string[]
  readonly queries: LoginQueries
  /** A path was valid, but a restriction or a revocation refused it. */
  hasValidPath: boolean
  /** The revocation status is undetermined: no OCSP server gave it, or a revocation list has expired. */
  isUndetermined: boolean
}

/**
 * Finds the first role, in order of names, that accepts the client: by the client's certificate or by one of its authorities.
 * @param roleName the only role to try; '': all
 * @throws Fault invalid_request
 */
export async function verified(
  engine: Cert,
  request: Pick<Request, 'certificates'>,
  roleName: string,
): Promise<Verified> {
  const attempt = attemptOf(engine, request)
  const { view } = engine
  for await (const { name, role } of candidates(engine, roleName)) {
    if (!(await accepts(engine, role, attempt, isNotRevoked))) continue
    // Read again: it may have been changed or removed in the meantime.
    if (!isDeepStrictEqual(await view.get(`cert/${name}`, roleShape), role))
      throw new Fault('unavailable', 'the trusted certificate was changed during this login: try again')
    return { name, role, certificate: attempt.certificate }
  }
  throw refusal(attempt)
}

/** The first role that accepts the client, without a check for revocation; undefined: none. */
export async function matching(
  engine: Cert,
  request: Pick<Request, 'certificates'>,
  roleName: string,
): Promise<string | undefined> {
  const attempt = attemptOf(engine, request)
  for await (const { name, role } of candidates(engine, roleName))
    if (await accepts(engine, role, attempt, async () => true)) return name
  return undefined
}

async function* candidates(
  { view }: Cert,
  roleName: string,
): AsyncIterable<{ readonly name: string; readonly role: Role }> {
  const names = roleName === '' ? await view.list('cert/') : isPathName(roleName) ? [roleName] : []
  const slices = new Slices()
  for (const name of names) {
    await slices.pause()
    const role = await view.get(`cert/${name}`, roleShape)
    if (role) yield { name, role }
  }
}

/** @throws Fault invalid_request when the client sent no certificate, or an unreadable one */
function attemptOf({ clock }: Cert, { certificates = [] }: Pick<Request, 'certificates'>): Attempt {
  const [certificate, ...others] = certificates.map((one) => readCertificate(fromBase64(one) ?? new Uint8Array()))
  if (certificates.length === 0) throw refuse('no client certificate found')
  if (!certificate) throw refuse('the client certificate cannot be read')
  const intermediates = others.filter((one) => one !== undefined)
  return {
    certificate,
    paths: new PathSearch(certificate, intermediates),
    problems: [],
    queries: { unanswered: new Set(), deadline: new Deadline(clock, longestWait) },
    hasValidPath: false,
    isUndetermined: false,
  }
}

/** A check of a valid path to a trusted certificate. `issuer`: that of the client's certificate, if available. */
type Check = (
  engine: Cert,
  role: Role,
  attempt: Attempt,
  valid: { readonly path: readonly Certificate[]; readonly issuer: Certificate | undefined },
) => Promise<boolean>

async function accepts(engine: Cert, role: Role, attempt: Attempt, check: Check): Promise<boolean> {
  const { clock } = engine
  const { certificate, paths, problems } = attempt
  const trusted = trustedBy(role)
  if (!trusted) return false
  const { byAuthority, certificates } = trusted
  // Compare the whole certificate: another one can have the same key and serial number (CVE-2025-6037).
  if (!byAuthority && !isSame(certificates[0].der, certificate.der)) return false
  for (const path of byAuthority ? paths.to(certificates) : [certificates]) {
    const now = clock.now()
    const problem = byAuthority ? pathProblem(path, now) : certificateProblem(certificate, now)
    if (problem !== undefined) {
      problems.push(problem)
      continue
    }
    attempt.hasValidPath = true
    if (!fitsRestrictions(role, certificate)) continue
    const issuer = byAuthority ? path[1] : issuerOf(trusted)
    if (await check(engine, role, attempt, { path, issuer })) return true
  }
  return false
}

/** Whether OCSP and the revocation lists report that the certificate was not revoked. */
const isNotRevoked: Check = async (engine, role, attempt, { path, issuer }) => {
  if (!(await passesOcsp(engine, role, attempt, issuer))) return false
  const status = await revocationOf(engine, path, attempt.queries.deadline)
  attempt.isUndetermined ||= status === 'undetermined'
  return status === 'good'
}

/**
 * Whether the client passes the OCSP check of the role, if enabled. Fails closed, unless the role has `ocsp_fail_open` and its own
 * servers had their time: slow servers of other roles must not open it.
 */
async function passesOcsp(
  engine: Cert,
  { ocsp = noOcsp }: Role,
  attempt: Attempt,
  issuer?: Certificate,
): Promise<boolean> {
  if (!ocsp.enabled) return true
  const { ocspCacheSize = 0 } = await configOf(engine.view)
  const status =
    issuer && (await engine.ocsp.statusOf(attempt.certificate, issuer, ocsp, ocspCacheSize, attempt.queries))
  if (status === 'good' || status === 'revoked') return status === 'good'
  const isOpen = ocsp.failOpen && status !== 'late'
  attempt.isUndetermined ||= status !== 'unknown' && !isOpen
  return isOpen
}

/** Whether two certificates are identical. */
export const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)

function refusal({ hasValidPath, isUndetermined, problems: [problem] }: Attempt): Fault {
  if (isUndetermined)
    return new Fault(
      'unavailable',
      'it cannot be determined now whether the certificate was revoked: try again. The server log has the reason',
    )
  if (hasValidPath) return refuse('no chain matching all constraints could be found for this login certificate')
  if (problem !== undefined) return refuse(`failed to verify client's certificate: ${problem}`)
  return refuse('invalid certificate or no client certificate supplied')
}
