import { derInside } from '../../../crypto/encoding/der.ts'
import { integerOf } from './asn1.ts'
import { isAuthority, oids } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { permitsNames } from './name-constraints.ts'
import { hasStrongKey, hasStrongSignature } from './strength.ts'

/** A certification path: from the client's certificate to that of a trusted authority. */
export type Path = readonly [Certificate, ...Certificate[]]

/** Supported extensions. Any other critical extension makes a certificate invalid (RFC 5280 §4.2). */
const supported: ReadonlySet<string> = new Set([
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
 * The reason why a path is not valid (RFC 5280 §6); undefined: it is valid. `paths.ts` has verified the signatures.
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

/** The reason why a certificate by itself is not valid for a client; undefined: it is valid. @param now epoch milliseconds */
export function certificateProblem(certificate: Certificate, now: number): string | undefined {
  const problem = timeProblem(certificate, now)
  if (problem !== undefined) return problem
  if (!isForClients(certificate)) return 'it is not for TLS clients (extended key usage)'
  if (!hasStrongKey(certificate)) return 'its key is too weak, or of an unusual type or size'
  return criticalProblem(certificate)
}

/** The reason why a certificate is not valid at a time; undefined: it is valid. @param now epoch milliseconds */
export function timeProblem({ x509 }: Certificate, now: number): string | undefined {
  const [begins, ends] = [Date.parse(x509.validFrom), Date.parse(x509.validTo)]
  if (!(now >= begins)) return 'it is not valid yet'
  return now <= ends ? undefined : 'it has expired'
}

/** The first unsupported critical extension, as a reason; undefined: there is none. */
export function criticalProblem({ extensions }: Certificate): string | undefined {
  for (const [oid, { critical }] of extensions)
    if (critical && !supported.has(oid)) return `it has a critical extension that is not supported (${oid})`
  return undefined
}

/** Whether the extended key usage includes TLS clients, or is absent. That of an authority restricts all certificates below it. */
export function isForClients({ x509, extensions }: Certificate): boolean {
  const usages = x509.keyUsage as readonly string[] | undefined
  if (usages === undefined) return !extensions.has(oids.extendedKeyUsage)
  return usages.includes(clientAuth) || usages.includes(anyUsage)
}

function authorityProblem(authority: Certificate, below: readonly Certificate[]): string | undefined {
  if (!isAuthority(authority)) return 'it is not an authority (basicConstraints, key usage)'
  const most = pathLengthOf(authority)
  if (most !== undefined && below.length - 1 > most) return 'there are too many authorities below it (path length)'
  if (!permitsNames(authority, below)) return 'it may not certify such names (name constraints)'
  return undefined
}

/** The maximum number of authorities below an authority; undefined: unlimited; 0 for an invalid extension. */
function pathLengthOf({ extensions }: Certificate): number | undefined {
  const constraints = extensions.get(oids.basicConstraints)
  if (!constraints) return 0
  try {
    const length = derInside(constraints.value).find(({ tag }) => tag === 0x02)
    return length ? Number(integerOf(length.content)) : undefined
  } catch {
    return 0
  }
}
