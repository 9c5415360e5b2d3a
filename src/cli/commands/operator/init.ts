import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
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

const recoveryFlags: FlagTable = {
  'recovery-shares': {
    kind: 'int',
    about: 'Where a seal unseals the server: the number of recovery keys (default 5).',
  },
  'recovery-threshold': { kind: 'int', about: 'The number of recovery keys that authorise operations (default 3).' },
  'recovery-pgp-keys': {
    kind: 'strings',
    about: 'As -pgp-keys, for recovery keys.',
  },
}

async function init(run: Run): Promise<number> {
  const { flags } = run
  if (flags.bool('status')) return initStatus(run)
  const seal = await run.client.ask('sealed', 'GET', 'sys/seal-status')
  const isAuto = seal['recovery_seal'] === true
  const prefix = isAuto ? 'recovery' : 'key'
  const shares = flags.int(`${prefix}-shares`) ?? 5
  const threshold = flags.int(`${prefix}-threshold`) ?? 3
  const rootKey = flags.string('root-token-pgp-key')
  const body = await run.client.ask('root_token', 'PUT', 'sys/init', {
    ...sharesOf(run, isAuto, shares, threshold),
    ...(rootKey && { root_token_pgp_key: pgpKey(rootKey) }),
  })
  if (run.format !== 'table') await showValue(run, inOrder(body, shares, threshold))
  else run.out(isAuto ? recoverySheet(body, shares, threshold) : shareSheet(body, shares, threshold))
  return 0
}

/** The counts and keys of what the operators get. Flags of the other kind of seal are the server's to refuse. */
function sharesOf(run: Run, isAuto: boolean, shares: number, threshold: number): Json {
  const { flags } = run
  if (!isAuto) {
    const foreign = ['recovery-shares', 'recovery-threshold', 'recovery-pgp-keys'].filter((name) => flags.has(name))
    if (foreign.length > 0)
      throw new UsageError(`-${foreign.join(', -')}: this server has no seal that unseals it, only key shares`)
    return { secret_shares: shares, secret_threshold: threshold, ...pgpKeys(run, 'pgp-keys') }
  }
  const foreign = ['key-shares', 'key-threshold', 'pgp-keys'].filter((name) => flags.has(name))
  if (foreign.length > 0)
    throw new UsageError(
      `-${foreign.join(', -')}: a seal of the configuration unseals this server: give -recovery-shares, -recovery-threshold and -recovery-pgp-keys`,
    )
  const { pgp_keys: keys } = pgpKeys(run, 'recovery-pgp-keys')
  return { recovery_shares: shares, recovery_threshold: threshold, ...(keys && { recovery_pgp_keys: keys }) }
}

function inOrder(body: Json, shares: number, threshold: number): Json {
  const isAuto = body['recovery_keys'] !== undefined
  return {
    unseal_keys_b64: body['keys_base64'],
    unseal_keys_hex: body['keys'],
    unseal_shares: isAuto ? 1 : shares,
    unseal_threshold: isAuto ? 1 : threshold,
    recovery_keys_b64: body['recovery_keys_base64'] ?? null,
    recovery_keys_hex: body['recovery_keys'] ?? null,
    recovery_keys_shares: isAuto ? shares : 0,
    recovery_keys_threshold: isAuto ? threshold : 0,
    root_token: body['root_token'],
  }
}

/** The output for the operator. Scripts parse the beginnings of its first lines. */
function shareSheet(body: Json, shares: number, threshold: number): string {
  return `${numbered('Unseal', body['keys_base64'])}

Initial Root Token: ${String(body['root_token'])}

The server is initialised with ${shares} key ${shares === 1 ? 'share' : 'shares'}; unsealing needs ${threshold} of them. Give each share to
a different person now: they are shown only this once. With fewer than ${threshold} left, nobody can
ever unseal this server again.

Next, ${threshold === 1 ? 'once' : `${threshold} times`}:  strongroom operator unseal
Then log in with the root token, create policies and tokens for others, beginning with an
operator (policies/operator.hcl), and revoke the root token. ${threshold === 1 ? 'One share generates' : `${threshold} shares generate`}
a new one: strongroom operator generate-root, with an operator's token. docs/operations.md
describes how, also for the case that every token is lost.
`
}

function recoverySheet(body: Json, shares: number, threshold: number): string {
  return `${numbered('Recovery', body['recovery_keys_base64'])}

Initial Root Token: ${String(body['root_token'])}

The server is initialised and unsealed. From now on, its seal unseals it at every start.
It has ${shares} recovery ${shares === 1 ? 'key' : 'keys'}, of which ${threshold} authorise a new root token, other recovery keys, and a
change of the seal. Give each to a different person now: they are shown only this once.
docs/seals.md describes what they can do when the seal is lost.

Next, log in with the root token, create policies and tokens for others, beginning with an
operator (policies/operator.hcl), and revoke the root token.
`
}

const numbered = (kind: string, keys: unknown): string =>
  ((keys ?? []) as readonly string[]).map((key, at) => `${kind} Key ${at + 1}: ${key}`).join('\n')

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
      ...recoveryFlags,
      'root-token-pgp-key': { kind: 'string', about: 'File with the PGP public key to encrypt the root token with.' },
      status: { kind: 'bool', about: 'Only show whether the server is initialised; exit status 0 if it is, 2 if not.' },
    },
    shows: ['format'],
    doing: 'initializing',
    run: init,
  },
]
