import type { Certificate } from './certificate.ts'
import type { Path } from './path.ts'

/** The maximum number of signatures verified for one client, and of steps from a certificate to a possible issuer. */
const mostSignatures = 64
const mostSteps = 256

/** The maximum number of certificates in a path, including both ends. */
const longest = 10

/** Searches paths from a client's certificate to trusted authorities. The cost is bounded for any input. */
export class PathSearch {
  readonly #leaf: Certificate
  readonly #intermediates: readonly Certificate[]
  /** The names of all issuers in the certificates of the client. */
  readonly #issuers: ReadonlySet<string>
  readonly #verified = new Map<string, boolean>()
  #signatures = 0
  #steps = 0

  /** @param intermediates as the client sent them, in any order */
  constructor(leaf: Certificate, intermediates: readonly Certificate[]) {
    this.#leaf = leaf
    this.#intermediates = intermediates
    this.#issuers = new Set([leaf, ...intermediates].map(({ issuer }) => issuer))
  }

  /** The paths with valid signatures; the shortest paths of each branch come first. */
  *to(anchors: readonly Certificate[]): Generator<Path> {
    if (anchors.some(({ der }) => Buffer.compare(der, this.#leaf.der) === 0)) yield [this.#leaf]
    const reachable = anchors.filter(({ subject }) => this.#issuers.has(subject))
    if (reachable.length > 0) yield* this.#from([this.#leaf], reachable)
  }

  *#from(path: Path, anchors: readonly Certificate[]): Generator<Path> {
    if (path.length >= longest) return
    const last = path.at(-1) as Certificate
    for (const anchor of anchors) if (this.#hasIssued(anchor, last)) yield [...path, anchor]
    for (const next of this.#intermediates)
      if (!path.includes(next) && this.#hasIssued(next, last)) yield* this.#from([...path, next], anchors)
  }

  #hasIssued(issuer: Certificate, certificate: Certificate): boolean {
    if (issuer.subject !== certificate.issuer || ++this.#steps > mostSteps) return false
    const pair = `${issuer.x509.fingerprint256} ${certificate.x509.fingerprint256}`
    const cached = this.#verified.get(pair)
    if (cached !== undefined) return cached
    const isValid = ++this.#signatures <= mostSignatures && hasIssued(issuer, certificate)
    this.#verified.set(pair, isValid)
    return isValid
  }
}

/** Whether an issuer issued a certificate, by the names and by the signature. */
export function hasIssued(issuer: Certificate, certificate: Certificate): boolean {
  try {
    return certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.x509.publicKey)
  } catch {
    // OpenSSL throws for unsupported keys.
    return false
  }
}
