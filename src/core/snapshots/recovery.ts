import type { AskedOfMount, Recovery } from '../../contract/engine.ts'
import { Fault, refuse } from '../../contract/fault.ts'
import type { Caller } from '../../contract/identity.ts'
import { apiPath } from '../../contract/request.ts'
import type { ApiPath } from '../../contract/request.ts'
import type { View } from '../../contract/view.ts'
import type { Mount } from '../mounts/mount.ts'
import { innermost } from '../namespaces/namespace.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import { placeIn } from './snapshot-place.ts'
import type { SnapshotPlace } from './snapshot-place.ts'

/** One secret or key to be recovered. Paths are of the root namespace, as policies name them. */
export interface RecoverySpec {
  /** Where it was. */
  readonly path: string
  /** Where it goes; undefined: to the same path. */
  readonly to: string | undefined
  /** Of a secret with versions; undefined: all of them. */
  readonly version: number | undefined
  /** Replaces what is there. */
  readonly force: boolean
}

/** What was recovered. */
export interface Recovered {
  readonly from: string
  readonly to: string
  readonly replaced: boolean
}

/** Where a path leads now. */
interface Destination {
  readonly path: ApiPath
  readonly namespace: Namespace
  readonly mount: Mount
  readonly recovery: Recovery
  readonly name: string
}

/** Of one request. */
export interface RecoveryParts {
  readonly spec: RecoverySpec
  readonly caller: Caller
  readonly root: Namespace
  /** Writes the line about it to the audit log, before anything is changed. */
  readonly note: (recovered: Pick<Recovered, 'from' | 'to'>) => Promise<void>
}

/** Refuses what cannot be recovered whatever the snapshot has. @throws Fault invalid_request */
export function checkRecovery({ spec, root }: Pick<RecoveryParts, 'spec' | 'root'>): void {
  cleanPath(spec.path)
  destinationOf(root, spec.to ?? spec.path)
}

/**
 * Recovers one secret or key. The caller's policies are asked about the paths that would write it, and read it if it goes
 * elsewhere. @param view the records of the snapshot @throws Fault permission_denied, invalid_request
 */
export async function recoverOne(view: View, { spec, caller, root, note }: RecoveryParts): Promise<Recovered> {
  const { version, force } = spec
  const from = cleanPath(spec.path)
  const to = destinationOf(root, spec.to ?? spec.path)
  const { recovery, mount, name } = to
  const place = await placeIn(view, from)
  if (!place) throw refuse(`the snapshot has no mount at ${from}`)
  mustBeAlike(place, to)
  const was = recovery.nameOf(place.rest)
  if (was === undefined) throw unnamed(from, recovery)
  const isCopy = from !== to.path
  const mountWas = from.slice(0, from.length - place.rest.length)
  if (isCopy) mustBeThere(root, mountWas, to)
  const found = await recovery.find(place.view, was, version)
  if (!found) throw refuse(`the snapshot has nothing at ${from}`)
  if (isCopy) await mustAllow(caller, mountWas, found.reads)
  const target = { name, isCopy, exists: await recovery.exists(mount.state, name) }
  await mustAllow(caller, to.namespace.path + mount.apiPath, found.writes(target))
  if (target.exists && !force) throw taken(to.path)
  await note({ from, to: to.path })
  await found.write(mount.state, target)
  return { from, to: to.path, replaced: target.exists }
}

function destinationOf(root: Namespace, requested: string): Destination {
  const path = cleanPath(requested)
  const namespace = innermost(root, path)
  namespace.refuseLocked()
  const inside = path.slice(namespace.path.length)
  const mount = namespace.mounts.router.mountOf(inside)
  if (!mount)
    throw refuse(`nothing is mounted at ${path}: enable a secrets engine there first, or recover to another path`)
  const { recovery, type } = mount.engine
  if (!recovery)
    throw refuse(`only secrets of kv and keys of transit can be recovered one by one; at ${path} is an engine of type ${type}`) // prettier-ignore
  const name = recovery.nameOf(inside.slice(mount.apiPath.length))
  if (name === undefined) throw unnamed(path, recovery)
  return { path, namespace, mount, recovery, name }
}

function mustBeAlike({ mount }: SnapshotPlace, to: Destination): void {
  const { type, version } = to.mount.engine
  const was = mount.options?.['version'] ?? to.namespace.mounts.versions(mount.type)?.[0]
  if (mount.type === type && was === version) return
  const kind = (of: string, number: string | undefined): string => (number === undefined ? of : `${of} version ${number}`) // prettier-ignore
  throw refuse(
    `in the snapshot the mount is of type ${kind(mount.type, was)}, and the one at ${to.path} is of type ${kind(type, version)}: ` +
      'recover to a mount of the same type',
  )
}

/** Who may read at a path is asked of what is there now. @throws Fault when nothing is, or its namespace is locked */
function mustBeThere(root: Namespace, mountPath: string, to: Destination): void {
  const namespace = innermost(root, mountPath)
  namespace.refuseLocked()
  const mount = namespace.mounts.router.mountOf(mountPath.slice(namespace.path.length))
  const { type, version } = to.mount.engine
  if (mount && namespace.path + mount.apiPath === mountPath && mount.engine.type === type && mount.engine.version === version) return // prettier-ignore
  throw refuse(
    `${mountPath} is not mounted any more as it was, so no policy tells who may read there: enable it again, and recover to ` +
      'the same path, or to another one then',
  )
}

async function mustAllow(
  caller: Caller,
  mountPath: string,
  asked: AsyncIterable<AskedOfMount> | Iterable<AskedOfMount>,
): Promise<void> {
  for await (const { path, ...one } of asked)
    if (!caller.allows({ ...one, path: mountPath + path })) throw new Fault('permission_denied', 'permission denied')
}

function cleanPath(path: string): ApiPath {
  const clean = apiPath(path)
  if (clean === undefined || clean === '') throw refuse('the path is not one: name a secret or a key as policies do')
  return clean
}

const unnamed = (path: string, { example }: Recovery): Fault =>
  refuse(`${path} names no secret and no key: behind the path of the mount, name one as policies do, such as ${example}`) // prettier-ignore

const taken = (path: string): Fault =>
  refuse(
    `there is something at ${path} already; nothing was changed. Recover to another path, or replace all of it, with what was ` +
      'written since, by force',
  )
