import type { Readable } from 'node:stream'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Request } from '../../contract/request.ts'
import { answer } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { file } from '../../contract/wire/returns.ts'

/** A snapshot that was read to its end. */
interface Report {
  readonly meta: {
    readonly created: string
    readonly release: string
    readonly cluster_name: string
    readonly cluster_id: string
    readonly seal: {
      readonly type: string
      readonly shares: number
      readonly threshold: number
      readonly seals?: readonly string[]
    }
    readonly revision: string
    readonly records: number
    readonly audit_heads: Readonly<Record<string, string>>
  }
  readonly sha256: string
  readonly verified: boolean
  readonly presentShares: boolean
  /** What unseals the restored server, as a clause. */
  readonly unsealing: string
}

/** The snapshots of the server, for these routes. */
export interface SnapshotPort {
  save(): Promise<Readable>
  verify(upload: AsyncIterable<Uint8Array>): Promise<Report>
  restore(
    upload: AsyncIterable<Uint8Array>,
    options: { readonly force: boolean; readonly revokeTokens: boolean },
  ): Promise<{ readonly report: Report; adopt(): Promise<void>; discard(): Promise<void> }>
}

const { read, write } = routesOf<unknown>()
const path = 'storage/raft/snapshot'
const gzip = 'application/gzip'
/** Restoring into a server that is not initialised needs no token, as initialising it does not. */
const restoring = { access: 'sudo', whenSealed: true, upload: true } as const

const described = {
  created: f.string('When it was made.'),
  release: f.string('The release that made it.'),
  cluster_name: f.string('The name of its cluster.'),
  cluster_id: f.string('Its id.'),
  revision: f.string('The revision of the storage that it was made at.'),
  records: f.int('The number of its records.'),
  sha256: f.string('The SHA-256 of its records, as in the audit log.'),
  seal_type: f.string(
    '`shamir`: its shares unseal what it restores. `auto`: its seals do; the shares are recovery keys, which authorise.',
  ),
  seals: f.list('The names of the seals; none for `shamir`.'),
  shares: f.int('The number of its key shares, or recovery keys.'),
  threshold: f.int('How many of them are needed.'),
  verified: f.bool('Its seal is of this cluster; false: the first unseal tells.'),
  present_shares: f.bool('The present shares, or seals, unseal what it restores.'),
  audit_heads: f.map('Size and root of each audit log at that moment, by device.'),
}
const restored = { ...described, next: f.string('What to do now.') }
const restoreFields = {
  revoke_tokens: f.bool('Revoke all tokens of the snapshot at the first unseal.').or(false),
}

/** `sys/storage/raft/snapshot`: Vault's paths for snapshots of any storage. The body of a request is the file. */
export function snapshotRoutes(port: SnapshotPort): Route<unknown>[] {
  return [
    read(path, {
      about: 'Make a snapshot of the storage: everything, encrypted, as a file (tar, packed with gzip).',
      returns: file(gzip),
      whenSealed: true,
      pure: false,
      handle: async ({ request }) => {
        refuseWrapping(request)
        const stream = await port.save()
        return { file: { stream, name: 'strongroom.snap' } }
      },
    }),
    restoreRoute(port, path, false),
    restoreRoute(port, `${path}-force`, true),
    write(`${path}-verify`, {
      about: 'Check a snapshot of this cluster to its last record. Nothing is changed.',
      access: 'sudo',
      upload: true,
      returns: described,
      handle: async ({ request }) => answer(bodyOf(await port.verify(uploadOf(request)))),
    }),
  ]
}

function restoreRoute(port: SnapshotPort, pattern: string, force: boolean): Route<unknown> {
  return write(pattern, {
    ...restoring,
    about: force
      ? 'Restore a snapshot, also one of another cluster or of other shares. The server seals itself.'
      : 'Restore a snapshot of this cluster, or any into a server that is not initialised. The server seals itself.',
    returns: restored,
    fields: restoreFields,
    handle: async ({ request, judgedAgain }, { revoke_tokens: revokeTokens }): Promise<Response> => {
      refuseWrapping(request)
      const staged = await port.restore(uploadOf(request), { force, revokeTokens })
      // The upload may have taken hours: the token may be revoked, or the server sealed.
      await judgedAgain().catch(async (thrown: unknown) => {
        await staged.discard()
        throw thrown
      })
      const { report } = staged
      return { data: { ...bodyOf(report), next: nextOf(report) }, after: async () => staged.adopt() }
    },
  })
}

function bodyOf({ meta, sha256, verified, presentShares }: Report) {
  const { created, release, cluster_name, cluster_id, seal, revision, records, audit_heads } = meta
  const { type: seal_type, seals = [], shares, threshold } = seal
  const origin = { created, release, cluster_name, cluster_id, revision, records, sha256 }
  return { ...origin, seal_type, seals, shares, threshold, verified, present_shares: presentShares, audit_heads }
}

function nextOf({ meta: { seal }, unsealing }: Report): string {
  const [refused, given] =
    seal.type === 'auto' ? ['the unseal', 'with the recovery keys'] : ['the last share', 'with it']
  return (
    `unseal the server: ${unsealing}. The audit log is newer than the restored storage, or is not here: ${refused} is ` +
    `refused once, with the code that accepts that; give the code ${given} (operator unseal -accept-audit-log)`
  )
}

/** The file of a request. @throws Fault invalid_request without one */
export function uploadOf({ upload }: Request): AsyncIterable<Uint8Array> {
  if (!upload) throw refuse('the body of the request must be a snapshot')
  return upload
}

function refuseWrapping({ wrapTtl }: Request): void {
  if (wrapTtl !== undefined) throw refuse('the answers of this path cannot be wrapped; send the request without X-Vault-Wrap-TTL') // prettier-ignore
}
