import type { AuditBroker } from '../../audit/broker.ts'
import type { Barrier, RestoredSnapshot } from '../../contract/barrier.ts'
import { rootNamespace } from '../../contract/identity.ts'
import { hasLease } from '../../tokens/leases.ts'
import type { TokenStore } from '../../tokens/store.ts'
import type { Namespaces } from '../namespaces/namespaces.ts'

interface Parts {
  readonly barrier: Barrier
  readonly audit: AuditBroker
}

/** An unsealed server whose storage was restored. */
interface Restored {
  readonly tokens: TokenStore
  readonly namespaces: Namespaces
  close(): Promise<void>
}

/** Before the token store is opened: with other keys, no string of before is a token, batch tokens included. */
export async function forgetTokenKeys({ barrier }: Parts): Promise<void> {
  await barrier.view('core/token/').del('keys')
}

/**
 * The last steps of a restore, at the first unseal after it: tokens are revoked if that was asked for, and the audit log
 * tells of it. A crash leaves the rest to the next unseal.
 */
export async function finishRestore(
  { barrier, audit }: Parts,
  server: Restored,
  done: RestoredSnapshot,
): Promise<void> {
  try {
    if (done.revokeTokens) await revokeAll(server)
    // The server that the snapshot is of may be alive, and its backups are not those of this one: none of them is ever removed here.
    await barrier.view('core/snapshot-auto/').clear('state/')
    const { created, state, revokeTokens } = done
    await audit.note('restored', { created, sha256: state, tokens: revokeTokens ? 'revoked' : 'kept' })
    await barrier.restoredIsAudited()
  } catch (thrown) {
    await server.close()
    throw thrown
  }
}

/** Their records: those with leases are removed in the background, those of init and generate-root, which have none, at once. */
async function revokeAll({ tokens, namespaces }: Restored): Promise<void> {
  for (const { id } of namespaces.all()) await tokens.revokePrefix(id, '')
  for (const accessor of await tokens.accessors(rootNamespace)) {
    const record = await tokens.byAccessor(rootNamespace, accessor)
    if (record && !hasLease(record)) await tokens.revoke(record.id)
  }
}
