import { derInside, tags } from '../../../crypto/encoding/der.ts'
import { attributesOf, oids } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { subtreesIn } from './general-names.ts'
import type { GeneralNames } from './general-names.ts'

/** The name constraints of an authority. */
interface Constraints {
  readonly permitted: GeneralNames
  readonly excluded: GeneralNames
}

const noNames: GeneralNames = { dns: [], email: [], uri: [], ip: [], directory: [], hasOthers: false }

/**
 * Whether the name constraints of an authority permit the certificates below it (RFC 5280 §4.2.1.10). Fails closed: with an
 * unsupported kind of constraint, or a name that cannot be compared, nothing is permitted. A common name that looks like a
 * host name is treated as a DNS name.
 */
export function permitsNames(authority: Certificate, below: readonly Certificate[]): boolean {
  const extension = authority.extensions.get(oids.nameConstraints)
  if (!extension) return true
  try {
    const constraints = constraintsIn(extension.value)
    return constraints !== undefined && below.every((certificate) => permits(constraints, namesOf(certificate)))
  } catch {
    return false
  }
}

function constraintsIn(der: Uint8Array): Constraints | undefined {
  const parts = derInside(der)
  if (parts.length === 0 || parts.some(({ tag }) => tag !== tags.values0 && tag !== tags.values1)) return undefined
  const namesWith = (type: number): GeneralNames => {
    const part = parts.find(({ tag }) => tag === type)
    return part ? subtreesIn(part.content) : noNames
  }
  const [permitted, excluded] = [namesWith(tags.values0), namesWith(tags.values1)]
  // A directory name has several encodings, so that an excluded name could pass.
  const isUnsupported = permitted.hasOthers || excluded.hasOthers || excluded.directory.length > 0
  return isUnsupported ? undefined : { permitted, excluded }
}

/** All names of a certificate, including those in its subject. */
function namesOf(certificate: Certificate): GeneralNames {
  const { altNames, subjectSets } = certificate
  const hosts = attributesOf(certificate, oids.commonName).filter((name) => /^[\w*-]+(?:\.[\w-]+)+\.?$/.test(name))
  return {
    ...altNames,
    dns: [...altNames.dns, ...hosts],
    email: [...altNames.email, ...attributesOf(certificate, oids.email)],
    directory: subjectSets.length > 0 ? [subjectSets, ...altNames.directory] : altNames.directory,
  }
}

function permits({ permitted, excluded }: Constraints, names: GeneralNames): boolean {
  return (
    allPermitted(names.dns, permitted.dns, excluded.dns, matchesDomain, (name) => !name.includes('*')) &&
    allPermitted(names.email, permitted.email, excluded.email, matchesMailbox, (name) => /^[^@]+@[^@]+$/.test(name)) &&
    allPermitted(names.uri, permitted.uri, excluded.uri, matchesUriHost, (name) => hostOf(name) !== undefined) &&
    allPermitted(names.ip, permitted.ip, excluded.ip, isInBlock, (name) => name.length === 4 || name.length === 16) &&
    allPermitted(names.directory, permitted.directory, [], isInSubtree)
  )
}

/** Whether every name is permitted, and none excluded. If there is any constraint, names that cannot be compared are refused. */
function allPermitted<T>(
  names: readonly T[],
  permitted: readonly T[],
  excluded: readonly T[],
  matches: (name: T, constraint: T) => boolean,
  isComparable: (name: T) => boolean = () => true,
): boolean {
  if (permitted.length === 0 && excluded.length === 0) return true
  return names.every(
    (name) =>
      isComparable(name) &&
      (permitted.length === 0 || permitted.some((constraint) => matches(name, constraint))) &&
      !excluded.some((constraint) => matches(name, constraint)),
  )
}

const normalized = (name: string): string => name.toLowerCase().replace(/\.$/, '')

function matchesDomain(name: string, constraint: string): boolean {
  const [host, domain] = [normalized(name), normalized(constraint)]
  if (domain === '') return true
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

/** A constraint with a leading dot matches the subdomains; without, the host itself. */
function matchesHost(host: string, constraint: string): boolean {
  const domain = normalized(constraint)
  return domain === '' || (domain.startsWith('.') ? normalized(host).endsWith(domain) : normalized(host) === domain)
}

function matchesMailbox(name: string, constraint: string): boolean {
  const [local, host = ''] = name.split('@')
  const [first = '', domain] = constraint.split('@')
  return domain === undefined ? matchesHost(host, first) : local === first && normalized(host) === normalized(domain)
}

function matchesUriHost(name: string, constraint: string): boolean {
  const host = hostOf(name)
  return host !== undefined && matchesHost(host, constraint)
}

/** The host of a URI; undefined if there is none, or it is an IP address or has unusual characters. */
function hostOf(uri: string): string | undefined {
  const host = URL.canParse(uri) ? new URL(uri).hostname : ''
  return /^[\d.]+$|[^\w.-]/.test(host) || host === '' ? undefined : host
}

/** Whether an IP address is in a block, which is an address and a mask. */
function isInBlock(name: Uint8Array, block: Uint8Array): boolean {
  if (block.length !== 2 * name.length) return false
  return name.every((byte, at) => {
    const mask = block[name.length + at] ?? 0
    return (byte & mask) === ((block[at] ?? 0) & mask)
  })
}

/** Whether a directory name begins with the relative distinguished names of another one. */
const isInSubtree = (name: readonly Uint8Array[], constraint: readonly Uint8Array[]): boolean =>
  name.length >= constraint.length && constraint.every((one, at) => Buffer.compare(one, name[at] ?? one) === 0)
