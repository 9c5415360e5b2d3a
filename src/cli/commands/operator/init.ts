import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { pgpKey, pgpKeys } from './key-share.ts'
import { showValue } from '../../output/show.ts'

/** The number of shares, the threshold, and the keys to encrypt the shares with. */
export const shareFlags: FlagTable = {
  'key-shares': { kind: 'int', about: 'The number of key shares (default 5).', alias: 'n' },
  'key-threshold': { kind: 'int', about: 'The number of key shares needed to unseal (default 3).', alias: 't' },
  'pgp-keys': {
    kind: 'strings',
    about: 'Files with PGP public keys to encrypt the shares with, one per share, separated by commas.',
  },
}

async function init(run: Run): Promise<number> {
  const { flags } = run
  if (flags.bool('status')) return initStatus(run)
  const shares = flags.int('key-shares') ?? 5
  const threshold = flags.int('key-threshold') ?? 3
  const rootKey = flags.string('root-token-pgp-key')
  const body = await run.client.ask('root_token', 'PUT', 'sys/init', {
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

/** The output for the operator. Scripts parse the beginnings of its first lines. */
function shareSheet(body: Json, shares: number, threshold: number): string {
  const keys = (body['keys_base64'] ?? []) as readonly string[]
  return `${keys.map((key, at) => `Unseal Key ${at + 1}: ${key}`).join('\n')}

Initial Root Token: ${String(body['root_token'])}

The server is initialised with ${shares} key ${shares === 1 ? 'share' : 'shares'}; unsealing needs ${threshold} of them. Give each share to
a different person now: they are shown only this once. If more shares are lost
than unsealing can spare, nobody can ever unseal this server again.

Next, ${threshold === 1 ? 'once' : `${threshold} times`}:  strongroom operator unseal
Then use the root token to set up others, first an operator (policies/operator.hcl),
and revoke it. ${threshold === 1 ? 'One share generates' : `${threshold} shares generate`} a new one: strongroom operator generate-root, with an
operator's token, or, if every token is lost, as described in docs/operations.md.
`
}

async function initStatus(run: Run): Promise<number> {
  const body = await run.client.ask('initialized', 'GET', 'sys/init')
  const done = body['initialized'] === true
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
      'root-token-pgp-key': { kind: 'string', about: 'File with the PGP public key to encrypt the root token with.' },
      status: { kind: 'bool', about: 'Only show whether the server is initialised; exit status 0 if it is, 2 if not.' },
    },
    shows: ['format'],
    doing: 'initializing',
    run: init,
  },
]
