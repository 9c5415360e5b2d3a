import { derInside, tags } from '../../../crypto/encoding/der.ts'
import { attributesOf, oids } from './certificate.ts'
import type { Certificate } from './certificate.ts'
import { subtreesIn } from './general-names.ts'
import type { GeneralNames } from './general-names.ts'

/** Name constraints of an authority. */
interface Constraints {
  readonly permitted: GeneralNames
  readonly excluded: GeneralNames
}

const nothing: GeneralNames = { dns: [], email: [], uri: [], ip: [], directory: [], others: false }

/**
 * Whether an authority may certify these certificates (RFC 5280 §4.2.1.10). Fails closed: a kind of constraint that is not
 * understood, and a name that cannot be compared, permit nothing. A common name that looks like a host is judged like a DNS name.
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
  const of = (wanted: number): GeneralNames => {
    const part = parts.find(({ tag }) => tag === wanted)
    return part ? subtreesIn(part.content) : nothing
  }
  const [permitted, excluded] = [of(tags.values0), of(tags.values1)]
  // The same name can be written in several ways, so that one that is excluded could pass.
  const isUnclear = permitted.others || excluded.others || excluded.directory.length > 0
  return isUnclear ? undefined : { permitted, excluded }
}

/** All names of a certificate, those in its subject included. */
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
    each(names.dns, permitted.dns, excluded.dns, inDomain, (name) => !name.includes('*')) &&
    each(names.email, permitted.email, excluded.email, inMailbox, (name) => /^[^@]+@[^@]+$/.test(name)) &&
    each(names.uri, permitted.uri, excluded.uri, ofHost, (name) => hostOf(name) !== undefined) &&
    each(names.ip, permitted.ip, excluded.ip, inBlock, (name) => name.length === 4 || name.length === 16) &&
    each(names.directory, permitted.directory, [], below)
  )
}

/** Every name has to be permitted, and none excluded. Names that cannot be compared are refused where anything is constrained. */
function each<T>(
  names: readonly T[],
  permitted: readonly T[],
  excluded: readonly T[],
  fits: (name: T, constraint: T) => boolean,
  isComparable: (name: T) => boolean = () => true,
): boolean {
  if (permitted.length === 0 && excluded.length === 0) return true
  return names.every(
    (name) =>
      isComparable(name) &&
      (permitted.length === 0 || permitted.some((constraint) => fits(name, constraint))) &&
      !excluded.some((constraint) => fits(name, constraint)),
  )
}

const plain = (name: string): string => name.toLowerCase().replace(/\.$/, '')

function inDomain(name: string, constraint: string): boolean {
  const [host, domain] = [plain(name), plain(constraint)]
  if (domain === '') return true
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`)
}

/** A domain with a dot in front: its subdomains; without: this host. */
function atHost(host: string, constraint: string): boolean {
  const domain = plain(constraint)
  return domain === '' || (domain.startsWith('.') ? plain(host).endsWith(domain) : plain(host) === domain)
}

function inMailbox(name: string, constraint: string): boolean {
  const [local, host = ''] = name.split('@')
  const [wanted = '', domain] = constraint.split('@')
  return domain === undefined ? atHost(host, wanted) : local === wanted && plain(host) === plain(domain)
}

function ofHost(name: string, constraint: string): boolean {
  const host = hostOf(name)
  return host !== undefined && atHost(host, constraint)
}

/** The host of a URI; undefined without one, for an address, or for one with unusual letters. */
function hostOf(uri: string): string | undefined {
  const host = URL.canParse(uri) ? new URL(uri).hostname : ''
  return /^[\d.]+$|[^\w.-]/.test(host) || host === '' ? undefined : host
}

/** An address in a block: address and mask. */
function inBlock(name: Uint8Array, block: Uint8Array): boolean {
  if (block.length !== 2 * name.length) return false
  return name.every((byte, at) => {
    const mask = block[name.length + at] ?? 0
    return (byte & mask) === ((block[at] ?? 0) & mask)
  })
}

/** A directory name that begins with the sets of another one. */
const below = (name: readonly Uint8Array[], constraint: readonly Uint8Array[]): boolean =>
  name.length >= constraint.length && constraint.every((one, at) => Buffer.compare(one, name[at] ?? one) === 0)
