import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { pgpKey, pgpKeys } from './key-share.ts'
import { showValue } from '../../output/show.ts'

/** How many shares, and how many of them open the server. */
export const shareFlags: FlagTable = {
  'key-shares': { kind: 'int', about: 'How many key shares (5 unless set).', alias: 'n' },
  'key-threshold': { kind: 'int', about: 'How many of them open the server (3 unless set).', alias: 't' },
  'pgp-keys': { kind: 'strings', about: 'Files with PGP keys, one for each share, with commas between them.' },
}

async function init(run: Run): Promise<number> {
  const { flags } = run
  if (flags.bool('status')) return initStatus(run)
  const shares = flags.int('key-shares') ?? 5
  const threshold = flags.int('key-threshold') ?? 3
  const rootKey = flags.string('root-token-pgp-key')
  const { body = {} } = await run.client.send('PUT', 'sys/init', {
    secret_shares: shares,
    secret_threshold: threshold,
    ...pgpKeys(run, 'pgp-keys'),
    ...(rootKey && { root_token_pgp_key: pgpKey(rootKey) }),
  })
  if (run.format !== 'table') await showValue(run, inOrder(body, shares, threshold))
  else run.out(shareSheet(body, shares, threshold))
  return 0
}

const inOrder = (body: Json, shares: number, threshold: number): Json => ({
  unseal_keys_b64: body['keys_base64'],
  unseal_keys_hex: body['keys'],
  unseal_shares: shares,
  unseal_threshold: threshold,
  recovery_keys_b64: body['recovery_keys_base64'] ?? null,
  recovery_keys_hex: body['recovery_keys'] ?? null,
  recovery_keys_shares: 0,
  recovery_keys_threshold: 0,
  root_token: body['root_token'],
})

/** What people keep. Scripts look for the beginnings of its first lines. */
function shareSheet(body: Json, shares: number, threshold: number): string {
  const keys = (body['keys_base64'] ?? []) as readonly string[]
  return `${keys.map((key, at) => `Unseal Key ${at + 1}: ${key}`).join('\n')}

Initial Root Token: ${String(body['root_token'])}

The server is initialised with ${shares} key ${shares === 1 ? 'share' : 'shares'}; ${threshold} of them ${threshold === 1 ? 'opens' : 'open'} it. Hand each to another
person now. They are shown only this once: whoever loses too many of them can
never open this server again, and nobody can help.

Next, ${threshold === 1 ? 'once' : `${threshold} times`}:  strongroom operator unseal
Then use the root token to set up others, first an operator (policies/operator.hcl),
and revoke it. ${threshold === 1 ? 'One share makes' : `${threshold} shares make`} another: strongroom operator generate-root, with an
operator's token, or as docs/operations.md says if every token is lost.
`
}

async function initStatus(run: Run): Promise<number> {
  const { body } = await run.client.send('GET', 'sys/init')
  const done = body?.['initialized'] === true
  if (run.format === 'table') run.out(done ? 'Vault is initialized\n' : 'Vault is not initialized\n')
  else await showValue(run, { Initialized: done })
  return done ? 0 : 2
}

/** `operator init`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator init',
    about: 'Initialise a new server: key shares and the first root token',
    args: [0, 0],
    flags: {
      ...shareFlags,
      'root-token-pgp-key': { kind: 'string', about: 'File with the PGP key that the root token is encrypted for.' },
      status: { kind: 'bool', about: 'Only say whether it is done; the exit status is 0 if so, else 2.' },
    },
    shows: ['format'],
    doing: 'initializing',
    run: init,
  },
]
