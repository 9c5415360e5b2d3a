import { Fault } from '../../contract/fault.ts'
import { rootNamespace } from '../../contract/identity.ts'
import type { NamespaceId } from '../../contract/identity.ts'
import type { ApiPath, Request } from '../../contract/request.ts'
import type { Mounts } from '../mounts/mounts.ts'
import type { PasswordPolicies } from '../policies/password-policies.ts'
import type { Policies } from '../policies/policies.ts'
import type { Destination } from '../request/router.ts'
import { isFlag, isMapOf, isName, isText, orAbsent, shapeOf } from '../../util/stored/shape.ts'

/** A stored namespace. */
export interface NamespaceRecord {
  readonly uuid: string
  readonly id: NamespaceId
  /** The uuid of its parent namespace; '' for root. */
  readonly parent: string
  /** The names of all above it and its own, with a trailing slash: `team/app/`. */
  readonly path: string
  readonly customMetadata: Readonly<Record<string, string>>
  /** SHA-256 (hex) of the unlock key; set while it is locked. */
  readonly lock?: string
  /** Being removed: its tokens first, then its data, then this record. No request is routed to it. */
  readonly removing?: boolean
}

/** The shape of that record. */
export const namespaceShape = shapeOf<NamespaceRecord>('a namespace', {
  uuid: isName,
  id: isName,
  parent: isText,
  path: (value) => typeof value === 'string' && /^(?:[^/]+\/)+$/.test(value),
  customMetadata: isMapOf(isText),
  lock: orAbsent((value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)),
  removing: orAbsent(isFlag),
})

/** The root namespace has no record in the barrier: it always exists, and cannot be changed. */
export const rootRecord: NamespaceRecord = { uuid: '', id: rootNamespace, parent: '', path: '', customMetadata: {} }

/** The folder of a namespace's records in the barrier. Below it the names are the same in every namespace. */
export const folderOf = ({ uuid }: NamespaceRecord): string => (uuid === '' ? '' : `namespace/${uuid}/`)

/** The record of a namespace by the uuid of its parent and its name. */
export const entryIn = ({ uuid }: Pick<NamespaceRecord, 'uuid'>, name: string): string =>
  `core/namespace/${uuid === '' ? 'root' : uuid}/${encodeURIComponent(name)}`

/** The parts that belong to one namespace. */
export interface NamespaceContent {
  readonly mounts: Mounts
  readonly policies: Policies
  readonly passwordPolicies: PasswordPolicies
  /** Ends its watches of records. */
  close(): void
}

/** A loaded namespace: its place in the tree, and its parts. `record` is replaced when it changes. */
export class Namespace {
  record: NamespaceRecord
  readonly parent: Namespace | undefined
  /** By name, without a slash. */
  readonly children = new Map<string, Namespace>()
  readonly mounts: Mounts
  readonly policies: Policies
  readonly passwordPolicies: PasswordPolicies
  /** Ends its watches of records. */
  readonly close: () => void
  /** Its description in audit lines; one object, because its JSON is serialised once per object. */
  readonly label: { readonly id: NamespaceId; readonly path: string }

  constructor(record: NamespaceRecord, parent: Namespace | undefined, has: NamespaceContent) {
    this.record = record
    this.parent = parent
    this.mounts = has.mounts
    this.policies = has.policies
    this.passwordPolicies = has.passwordPolicies
    this.close = () => has.close()
    this.label = { id: record.id, path: record.path }
  }

  get id(): NamespaceId {
    return this.record.id
  }

  get path(): string {
    return this.record.path
  }

  /** The name without those of the namespaces above, with a trailing slash. */
  get name(): string {
    return this.path.slice(this.parent?.path.length)
  }

  /** Whether it is this namespace or one below it. */
  holds(other: Namespace): boolean {
    return other.path.startsWith(this.path)
  }

  /** The form of a path of this namespace or one below it, relative to this one. */
  pathIn(other: Namespace, path: string): string {
    return other.path.slice(this.path.length) + path
  }

  /** The namespace whose lock applies to this one: itself or one above, the topmost of them. */
  lockedBy(): Namespace | undefined {
    return this.parent?.lockedBy() ?? (this.record.lock === undefined ? undefined : this)
  }

  /** @throws Fault unavailable while it is locked. */
  refuseLocked(): void {
    const by = this.lockedBy()
    if (!by) return
    const text = `API access to this namespace has been locked by an administrator - "${by.path}" must be unlocked to gain access.`
    throw new Fault('unavailable', text)
  }

  /** All below it, parents before their children. */
  *below(): Generator<Namespace> {
    for (const child of this.children.values()) {
      yield child
      yield* child.below()
    }
  }
}

/** The innermost namespace that a path leads into; those being removed are not entered. The rest of the path is a path in it. */
export function innermost(root: Namespace, path: string): Namespace {
  let at = root
  let start = 0
  while (at.children.size > 0) {
    const slash = path.indexOf('/', start)
    const child = slash < 0 ? undefined : at.children.get(path.slice(start, slash))
    if (!child || child.record.removing) break
    at = child
    start = slash + 1
  }
  return at
}

/**
 * The namespace that a request is in: by its header, by the beginning of its path, or by both. Undefined when there is none
 * of the name that the header has.
 */
export function namespaceOf(root: Namespace, { namespace, path }: Pick<Request, 'namespace' | 'path'>) {
  const found = innermost(root, namespace === '' ? path : namespace + path)
  return found.path.length >= namespace.length ? found : undefined
}

/** Where a path of a namespace leads, be it into one below. */
export function destinationOf(from: Namespace, path: ApiPath, listing: boolean): Destination | undefined {
  const namespace = innermost(from, path)
  return namespace.mounts.router.find(path.slice(from.pathIn(namespace, '').length) as ApiPath, listing)
}

/** A request as its namespace sees it. */
export function seenFrom<T extends Pick<Request, 'namespace' | 'path'>>(namespace: Namespace, request: T): T {
  if (namespace.path === request.namespace) return request
  const path = (request.namespace + request.path).slice(namespace.path.length) as ApiPath
  return { ...request, namespace: namespace.path, path }
}
