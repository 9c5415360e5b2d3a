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
import type { Waiting } from './ocsp/checker.ts'
import { noOcsp } from './ocsp/settings.ts'
import { fits } from './restrictions.ts'
import { issuerOf, roleShape, trustedBy } from './role.ts'
import type { Role } from './role.ts'
import { readCertificate } from './x509/certificate.ts'
import type { Certificate } from './x509/certificate.ts'
import { certificateProblem, pathProblem } from './x509/path.ts'
import { PathSearch } from './x509/paths.ts'

/** How long a login waits for all servers that it asks about its certificate, milliseconds. */
const longestWait = 5000

/** A client whose certificate is valid, and the role that lets it in. */
export interface Verified {
  readonly name: string
  readonly role: Role
  readonly certificate: Certificate
}

/** The client's certificate, and why no role lets it in. */
interface Attempt {
  readonly certificate: Certificate
  readonly paths: PathSearch
  /** The reasons of paths to a trusted authority. */
  readonly problems: string[]
  readonly waiting: Waiting
  /** A path was valid, but a restriction or a revocation is against it. */
  isKnown: boolean
  /** No OCSP server told the status of the certificate, or a revocation list is too old. */
  isUnclear: boolean
}

/**
 * Finds the first role, in order of the names, that lets the client in: with its own certificate, or one of its authorities.
 * @param wanted the only role to look at; '': all
 * @throws Fault invalid_request
 */
export async function verified(
  engine: Cert,
  request: Pick<Request, 'certificates'>,
  wanted: string,
): Promise<Verified> {
  const attempt = attemptOf(engine, request)
  const { view } = engine
  for await (const { name, role } of candidates(engine, wanted)) {
    if (!(await letsIn(engine, role, attempt, isInForce))) continue
    // Read again: it may have been changed or removed meanwhile.
    if (!isDeepStrictEqual(await view.get(`cert/${name}`, roleShape), role))
      throw new Fault('unavailable', 'the trusted certificate was changed during this login: try again')
    return { name, role, certificate: attempt.certificate }
  }
  throw refusal(attempt)
}

/** The first role that lets the client in unless its certificate was revoked, which is not asked; undefined: none. */
export async function matching(
  engine: Cert,
  request: Pick<Request, 'certificates'>,
  wanted: string,
): Promise<string | undefined> {
  const attempt = attemptOf(engine, request)
  for await (const { name, role } of candidates(engine, wanted))
    if (await letsIn(engine, role, attempt, async () => true)) return name
  return undefined
}

async function* candidates(
  { view }: Cert,
  wanted: string,
): AsyncIterable<{ readonly name: string; readonly role: Role }> {
  const names = wanted === '' ? await view.list('cert/') : isPathName(wanted) ? [wanted] : []
  const slices = new Slices()
  for (const name of names) {
    await slices.pause()
    const role = await view.get(`cert/${name}`, roleShape)
    if (role) yield { name, role }
  }
}

/** @throws Fault invalid_request when the client has sent no certificate, or none that can be read */
function attemptOf({ clock }: Cert, { certificates = [] }: Pick<Request, 'certificates'>): Attempt {
  const [certificate, ...others] = certificates.map((one) => readCertificate(fromBase64(one) ?? new Uint8Array()))
  if (certificates.length === 0) throw refuse('no client certificate found')
  if (!certificate) throw refuse('the client certificate cannot be read')
  const intermediates = others.filter((one) => one !== undefined)
  return {
    certificate,
    paths: new PathSearch(certificate, intermediates),
    problems: [],
    waiting: { unanswered: new Set(), deadline: new Deadline(clock, longestWait) },
    isKnown: false,
    isUnclear: false,
  }
}

/** What is asked about a valid path to a trusted certificate. `issuer`: of the client's certificate, if it is known. */
type Check = (
  engine: Cert,
  role: Role,
  attempt: Attempt,
  found: { readonly path: readonly Certificate[]; readonly issuer: Certificate | undefined },
) => Promise<boolean>

async function letsIn(engine: Cert, role: Role, attempt: Attempt, check: Check): Promise<boolean> {
  const { clock } = engine
  const { certificate, paths, problems } = attempt
  const trusted = trustedBy(role)
  if (!trusted) return false
  const { byAuthority, certificates } = trusted
  // The whole certificate has to be the same: another one can have its key and serial number (CVE-2025-6037).
  if (!byAuthority && !isSame(certificates[0].der, certificate.der)) return false
  for (const path of byAuthority ? paths.to(certificates) : [certificates]) {
    const now = clock.now()
    const problem = byAuthority ? pathProblem(path, now) : certificateProblem(certificate, now)
    if (problem !== undefined) {
      problems.push(problem)
      continue
    }
    attempt.isKnown = true
    if (!fits(role, certificate)) continue
    const issuer = byAuthority ? path[1] : issuerOf(trusted)
    if (await check(engine, role, attempt, { path, issuer })) return true
  }
  return false
}

/** Whether neither OCSP nor a list says that the certificate was revoked. */
const isInForce: Check = async (engine, role, attempt, { path, issuer }) => {
  if (!(await hasStatus(engine, role, attempt, issuer))) return false
  const found = await revocationOf(engine, path, attempt.waiting.deadline)
  attempt.isUnclear ||= found === 'unclear'
  return found === 'good'
}

/** Whether OCSP lets the client in, where the role asks for it. Fails closed, unless the role says otherwise. */
async function hasStatus(
  engine: Cert,
  { ocsp = noOcsp }: Role,
  attempt: Attempt,
  issuer?: Certificate,
): Promise<boolean> {
  if (!ocsp.enabled) return true
  const { ocspCacheSize = 0 } = await configOf(engine.view)
  const status =
    issuer && (await engine.ocsp.statusOf(attempt.certificate, issuer, ocsp, ocspCacheSize, attempt.waiting))
  if (status === 'good' || status === 'revoked') return status === 'good'
  attempt.isUnclear ||= status === undefined && !ocsp.failOpen
  return ocsp.failOpen
}

/** Whether two certificates are the same, to the last bit. */
export const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)

function refusal({ isKnown, isUnclear, problems: [problem] }: Attempt): Fault {
  if (isUnclear)
    return new Fault(
      'unavailable',
      'it cannot be told now whether the certificate was revoked: try again. The log of this server says why',
    )
  if (isKnown) return refuse('no chain matching all constraints could be found for this login certificate')
  if (problem !== undefined) return refuse(`failed to verify client's certificate: ${problem}`)
  return refuse('invalid certificate or no client certificate supplied')
}
