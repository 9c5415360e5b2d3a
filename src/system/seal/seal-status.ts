import { f } from '../../contract/field.ts'
import { body } from '../../contract/wire/returns.ts'
import { product } from '../../util/version.ts'
import type { SealPort } from './seal-port.ts'

/** Members that name the release and the cluster. */
export const release = {
  version: f.string('The version of the API.'),
  strongroom_release: f.string('The release of this server.'),
  cluster_name: f.string('The name of the cluster; absent while sealed.'),
  cluster_id: f.string('Its id; absent while sealed.'),
}

/** The members of `statusBody`. */
export const sealStatus = body({
  type: f.string('The kind of seal.'),
  initialized: f.bool('It is initialised.'),
  sealed: f.bool('It is sealed.'),
  t: f.int('The shares, or recovery shares, that are needed.'),
  n: f.int('The shares, or recovery shares, that there are.'),
  progress: f.int('The shares provided so far.'),
  nonce: f.string('The id of this unseal; empty: none is under way.'),
  ...release,
  commit_date: f.string('The day of the release.'),
  migration: f.bool('The configuration has another kind of seal than the storage: the next unseal changes it.'),
  recovery_seal: f.bool('A seal of the configuration unseals the server; shares are recovery shares.'),
  recovery_seal_type: f.string('`shamir`; absent without such a seal.'),
  storage_type: f.string('The kind of storage.'),
  audit_heads: f.map('Size and root of each audit log, by device.'),
})

/** The body of `sys/seal-status`. */
export async function statusBody(manager: SealPort): Promise<Record<string, unknown>> {
  const status = await manager.status()
  const cluster = status.sealed ? undefined : manager.cluster()
  const heads = [...manager.auditHeads()].map(([path, { size, root }]) => [path, `${size}:${root}`] as const)
  return {
    type: status.type,
    initialized: status.initialised,
    sealed: status.sealed,
    t: status.threshold,
    n: status.shares,
    progress: status.progress,
    nonce: status.nonce,
    version: product.version,
    strongroom_release: product.release,
    commit_date: product.buildDate.slice(0, 10),
    migration: status.isMigration,
    ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
    recovery_seal: status.isAuto,
    ...(status.isAuto && { recovery_seal_type: 'shamir' }),
    storage_type: manager.storageType,
    ...(heads.length > 0 && { audit_heads: Object.fromEntries(heads) }),
  }
}
