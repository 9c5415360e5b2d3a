import { derInside } from '../../../crypto/encoding/der.ts'
import { wholeOf } from './asn1.ts'
import { isAuthority, oids } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { permitsNames } from './name-constraints.ts'
import { hasStrongKey, hasStrongSignature } from './strength.ts'

/** Certificates from that of the client to that of a trusted authority. */
export type Path = readonly [Certificate, ...Certificate[]]

/** Extensions that are judged; a critical one that is not makes a certificate invalid (RFC 5280 §4.2). */
const judged: ReadonlySet<string> = new Set([
  oids.keyUsage,
  oids.altNames,
  oids.basicConstraints,
  oids.nameConstraints,
  oids.policies,
  oids.extendedKeyUsage,
])

const clientAuth = '1.3.6.1.5.5.7.3.2'
const anyUsage = '2.5.29.37.0'

/**
 * Why a path is not valid (RFC 5280 §6); undefined: it is. Signatures were checked when it was built (`paths.ts`).
 * @param now epoch milliseconds
 */
export function pathProblem(path: Path, now: number): string | undefined {
  for (const [at, certificate] of path.entries()) {
    const isTrusted = at === path.length - 1
    const problem =
      certificateProblem(certificate, now) ??
      (isTrusted || hasStrongSignature(certificate) ? undefined : 'it has a weak signature (SHA-1, MD5)') ??
      (at > 0 ? authorityProblem(certificate, path.slice(0, at)) : undefined)
    if (problem !== undefined) return at === 0 ? problem : `an authority above it is not valid: ${problem}`
  }
  return undefined
}

/** Why a certificate by itself is not valid for clients; undefined: it is. @param now epoch milliseconds */
export function certificateProblem(certificate: Certificate, now: number): string | undefined {
  const problem = timeProblem(certificate, now)
  if (problem !== undefined) return problem
  if (!isForClients(certificate)) return 'it is not for TLS clients (extended key usage)'
  if (!hasStrongKey(certificate)) return 'its key is too weak, or of an unusual type or size'
  return criticalProblem(certificate)
}

/** Whether it is its time. @param now epoch milliseconds */
export function timeProblem({ x509 }: Certificate, now: number): string | undefined {
  const [begins, ends] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)]
  if (!(now >= begins)) return 'it is not valid yet'
  return now <= ends ? undefined : 'it has expired'
}

/** Whether all that must be understood in a certificate is. */
export function criticalProblem({ extensions }: Certificate): string | undefined {
  for (const [oid, { critical }] of extensions)
    if (critical && !judged.has(oid)) return `it has a critical extension that is not supported (${oid})`
  return undefined
}

/** Whether the extended key usage, where there is one, includes TLS clients. One on an authority restricts all below it. */
export function isForClients({ x509, extensions }: Certificate): boolean {
  const usages = x509.keyUsage as readonly string[] | undefined
  if (usages === undefined) return !extensions.has(oids.extendedKeyUsage)
  return usages.includes(clientAuth) || usages.includes(anyUsage)
}

function authorityProblem(authority: Certificate, below: readonly Certificate[]): string | undefined {
  if (!isAuthority(authority)) return 'it is no authority (basicConstraints, key usage)'
  const most = pathLengthOf(authority)
  if (most !== undefined && below.length - 1 > most) return 'there are too many authorities below it (path length)'
  if (!permitsNames(authority, below)) return 'it may not certify such names (name constraints)'
  return undefined
}

/** The most authorities below one; undefined: no limit. One that cannot be read allows none. */
function pathLengthOf({ extensions }: Certificate): number | undefined {
  const constraints = extensions.get(oids.basicConstraints)
  if (!constraints) return 0
  try {
    const length = derInside(constraints.value).find(({ tag }) => tag === 0x02)
    return length ? Number(wholeOf(length.content)) : undefined
  } catch {
    return 0
  }
}
