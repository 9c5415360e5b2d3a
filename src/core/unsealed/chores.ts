import type { Barrier } from '../../contract/barrier.ts'
import type { Namespaces } from '../namespaces/namespaces.ts'
import type { Chore } from '../schedule.ts'
import type { UnsealedServerParts, UnsealedServer } from './unsealed-server.ts'

/** The name of the chore that removes the remains of removed namespaces. */
export const purging = 'removed namespaces'

/** Run by one process only, so that keys are not rotated twice; all other periodic work may run in several at once. */
function rotating(barrier: Barrier): Chore {
  return { name: 'rotating the encryption key', every: 60_000, run: async () => barrier.rotateIfDue() }
}

/** The periodic work of an unsealed server; `every` in milliseconds. */
export function choresOf(
  { barrier, clock }: UnsealedServerParts,
  { tokens, leases, namespaces }: Pick<UnsealedServer, 'tokens' | 'leases' | 'namespaces'>,
) {
  return [
    { name: 'expiring tokens', every: 1000, run: async () => tokens.sweep(clock.now()) },
    { name: 'revoked leases', every: 1000, run: async () => leases.sweep() },
    { name: purging, every: 1000, run: async () => namespaces.purge() },
    ...(barrier.member === undefined ? [rotating(barrier)] : []),
    { name: 'chores of the mounts', every: 60_000, run: async () => tidyMounts(namespaces) },
  ]
}

async function tidyMounts(namespaces: Namespaces): Promise<void> {
  for (const { mounts } of namespaces.all()) await mounts.tidy()
}
