import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { barePath } from '../../http/paths.ts'
import { showResponse } from '../../output/show.ts'

const idOf = (run: Run): string => run.args[0] ?? ''

async function lookup(run: Run): Promise<number> {
  try {
    return await showResponse(run, await run.client.ask('data', 'PUT', 'sys/leases/lookup', { lease_id: idOf(run) }))
  } catch (thrown) {
    // Recorded with a small first letter: scripts look for it.
    if (thrown instanceof ServerError) thrown.during = `error looking up lease id ${idOf(run)}`
    throw thrown
  }
}

async function renew(run: Run): Promise<number> {
  const increment = run.flags.string('increment')
  const data = { lease_id: idOf(run), ...(increment && { increment }) }
  return showResponse(run, await run.client.ask('lease_id', 'PUT', 'sys/leases/renew', data))
}

async function revoke(run: Run): Promise<number> {
  const [force, prefix, sync] = ['force', 'prefix', 'sync'].map((name) => run.flags.bool(name))
  if (force && !prefix) throw new UsageError('-force needs -prefix: it removes leases even if revoking them fails')
  const id = barePath(idOf(run))
  const data = sync ? { sync: true } : undefined
  if (force) {
    run.err(
      'Warning! Forcing removes the leases here; the credentials behind them may stay valid in the external system!',
    )
    await run.client.send('PUT', `sys/leases/revoke-force/${id}`, data)
    run.out(`Success! Force revoked any leases with prefix: ${idOf(run)}\n`)
    return 0
  }
  await run.client.send('PUT', `sys/leases/revoke${prefix ? '-prefix' : ''}/${id}`, data)
  if (!sync) run.out('All revocation operations queued successfully!\n')
  else if (prefix) run.out(`Success! Revoked any leases with prefix: ${idOf(run)}\n`)
  else run.out(`Success! Revoked lease: ${idOf(run)}\n`)
  return 0
}

/** `lease …`. */
export const leaseCommands: readonly Command[] = [
  {
    name: 'lease lookup',
    about: 'Show the remaining TTL of a lease',
    usage: 'LEASE',
    args: [1, 1],
    shows: ['format'],
    run: lookup,
  },
  {
    name: 'lease renew',
    about: 'Renew a lease',
    usage: 'LEASE',
    args: [1, 1],
    flags: { increment: { kind: 'duration', about: 'The requested TTL.' } },
    shows: ['format'],
    doing: (run) => `renewing ${idOf(run)}`,
    run: renew,
  },
  {
    name: 'lease revoke',
    about: 'Revoke a lease, or all leases with a prefix',
    usage: 'LEASE',
    args: [1, 1],
    flags: {
      prefix: { kind: 'bool', about: 'Revoke all leases with this prefix.' },
      force: { kind: 'bool', about: 'Remove leases even if revoking them fails; needs -prefix.', alias: 'f' },
      sync: { kind: 'bool', about: 'Wait for completion.' },
    },
    doing: (run) => `revoking ${run.flags.bool('prefix') ? 'leases with prefix' : 'lease'} ${idOf(run)}`,
    run: revoke,
  },
]
