import type { Certificate } from './certificate.ts'
import type { Path } from './path.ts'

/** The most signatures that are verified for one client, and the most steps from a certificate to a possible issuer. */
const mostSignatures = 64
const mostSteps = 256

/** The most certificates of a path, both ends included. */
const longest = 10

/** The search for paths from a client's certificate to trusted authorities. Its cost is bounded, whatever the client sends. */
export class PathSearch {
  readonly #leaf: Certificate
  readonly #intermediates: readonly Certificate[]
  /** The names of all issuers that a path can lead to. */
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

  /** The paths whose signatures are right, the shortest ones of each branch first. */
  *to(anchors: readonly Certificate[]): Generator<Path> {
    if (anchors.some(({ der }) => Buffer.compare(der, this.#leaf.der) === 0)) yield [this.#leaf]
    const reachable = anchors.filter(({ subject }) => this.#issuers.has(subject))
    if (reachable.length > 0) yield* this.#from([this.#leaf], reachable)
  }

  *#from(path: Path, anchors: readonly Certificate[]): Generator<Path> {
    if (path.length >= longest) return
    const last = path.at(-1) as Certificate
    for (const anchor of anchors) if (this.#issued(anchor, last)) yield [...path, anchor]
    for (const next of this.#intermediates)
      if (!path.includes(next) && this.#issued(next, last)) yield* this.#from([...path, next], anchors)
  }

  #issued(issuer: Certificate, certificate: Certificate): boolean {
    if (issuer.subject !== certificate.issuer || ++this.#steps > mostSteps) return false
    const pair = `${issuer.x509.fingerprint256} ${certificate.x509.fingerprint256}`
    const known = this.#verified.get(pair)
    if (known !== undefined) return known
    const isRight = ++this.#signatures <= mostSignatures && signed(issuer, certificate)
    this.#verified.set(pair, isRight)
    return isRight
  }
}

/** Whether a certificate was issued by another one: by its names, and by its signature. */
export function signed(issuer: Certificate, certificate: Certificate): boolean {
  try {
    return certificate.x509.checkIssued(issuer.x509) && certificate.x509.verify(issuer.x509.publicKey)
  } catch {
    // OpenSSL throws for keys that it does not know.
    return false
  }
}
