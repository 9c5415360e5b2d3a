import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Caller } from '../../contract/identity.ts'
import { answer } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { uploadOf } from './snapshots.ts'

/** Recovers single secrets and keys of snapshots, for this route. */
export interface SnapshotRecoveryPort {
  recover(
    upload: AsyncIterable<Uint8Array>,
    spec: {
      readonly path: string
      readonly to: string | undefined
      readonly version: number | undefined
      readonly force: boolean
    },
    by: { readonly caller: () => Promise<Caller>; readonly request: string },
  ): Promise<{
    readonly from: string
    readonly to: string
    readonly replaced: boolean
    readonly meta: { readonly created: string }
    readonly sha256: string
  }>
}

const { write } = routesOf<unknown>()

const fields = {
  path: f.string('The secret or key in the snapshot, as policies name it: `secret/data/app`, `transit/keys/orders`.'),
  to: f.string('Where it goes, a path of the same kind; left out: to the same path.').limiting(),
  version: f.int('Only this version of a secret, which becomes its newest one; left out: all versions.').limiting(),
  force: f.bool('Replace an existing secret or key.').or(false),
}

/** `sys/storage/raft/snapshot-recover`: the body of a request is the file. */
export function snapshotRecoveryRoutes(port: SnapshotRecoveryPort): Route<unknown>[] {
  return [
    write('storage/raft/snapshot-recover', {
      about: 'Recover one secret or one key from a snapshot of this cluster. Nothing else is changed.',
      access: 'sudo',
      upload: true,
      returns: {
        from: f.string('Where it was.'),
        to: f.string('Where it is now.'),
        replaced: f.bool('There was something, which is replaced.'),
        created: f.string('When the snapshot was made.'),
        sha256: f.string('The SHA-256 of its records, as in the audit log.'),
      },
      fields,
      handle: async ({ request, judgedAgain: caller }, { path, to, version, force }) => {
        if (!path) throw refuse("'path' must be supplied: the secret or key in the snapshot")
        if (version !== undefined && version < 1) throw refuse("'version' counts from 1: leave it out for all versions")
        const by = { caller, request: request.id }
        const { meta, ...rest } = await port.recover(uploadOf(request), { path, to, version, force }, by)
        return answer({ ...rest, created: meta.created })
      },
    }),
  ]
}
