import type { Json } from '../../../util/json.ts'
import { KeyShareOperation, keyShareFlags } from './key-share-operation.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { shareFlags } from './init.ts'
import { pgpKeys } from './key-share.ts'
import { showResponse, showValue } from '../../output/show.ts'
import { keyValues } from '../../output/table.ts'

/** The paths of the operation by its target: without a token, and with one. */
const targets: Readonly<Record<string, readonly [string, string]>> = {
  barrier: ['sys/rekey', 'sys/rotate/root'],
  recovery: ['sys/rekey-recovery-key', 'sys/rotate/recovery'],
}
const otherNames: Readonly<Record<string, string>> = { unseal: 'barrier', hsm: 'recovery' }

/** @param guarded only the paths that need a token */
async function rekey(run: Run, guarded = false): Promise<number> {
  const { flags } = run
  const operation = operationOf(run, guarded)
  if (flags.bool('backup-retrieve')) return showResponse(run, await operation.ask('GET', 'backup'))
  if (flags.bool('backup-delete')) return deleteBackup(run, operation)
  const verify = flags.bool('verify')
  if (flags.bool('init')) return begin(run, operation)
  const part = verify ? 'verify' : 'init'
  if (flags.bool('cancel')) {
    await operation.cancel(part)
    run.out('Success! Canceled rekeying (if it was started)\n')
    return 0
  }
  if (flags.bool('status'))
    return verify ? verifyStatus(run, operation) : showRekey(run, await operation.state('GET', 'init'))
  return verify ? verifyShare(run, operation) : giveShare(run, operation)
}

/** @throws UsageError for a target that there is not */
function operationOf(run: Run, guarded: boolean): KeyShareOperation {
  const { flags } = run
  const target = flags.string('target') || 'barrier'
  const paths = targets[otherNames[target] ?? target]
  if (!paths) throw new UsageError(`Unknown target: ${target}`)
  const [open, withToken] = paths
  // The backup of recovery keys has no path of its own below the first.
  const isBackup = flags.bool('backup-retrieve') || flags.bool('backup-delete')
  const base = guarded || (isBackup && paths === targets['recovery']) ? withToken : open
  return new KeyShareOperation(run, base, withToken, 'disable_unauthed_rekey_endpoints')
}

async function deleteBackup(run: Run, operation: KeyShareOperation): Promise<number> {
  await operation.remove('backup')
  run.out('Success! Deleted backed up keys (if they existed)\n')
  return 0
}

async function begin(run: Run, operation: KeyShareOperation): Promise<number> {
  const { flags } = run
  const status = await operation.state('PUT', 'init', {
    secret_shares: flags.int('key-shares') ?? 5,
    secret_threshold: flags.int('key-threshold') ?? 3,
    require_verification: flags.bool('verify'),
    backup: flags.bool('backup'),
    ...pgpKeys(run, 'pgp-keys'),
  })
  if (run.format === 'table') {
    if (!flags.has('pgp-keys'))
      run.err(
        'WARNING! The new shares will be shown in plaintext to the person who submits the last share. With -pgp-keys, each share is encrypted for its recipient. With -verify, the new shares take effect only after their recipients have submitted them.',
      )
    run.out('\n')
  }
  return showRekey(run, status)
}

async function giveShare(run: Run, operation: KeyShareOperation): Promise<number> {
  // Before the prompt: no share should be requested that is then refused.
  if (run.flags.bool('non-interactive') && run.args.length === 0)
    throw new UsageError('give the key share as an argument, or leave out -non-interactive')
  const status = await operation.state('GET', 'init')
  if (status['started'] !== true) throw new UsageError('No rekey is in progress. Begin one with -init.')
  const body = await operation.state('PUT', 'update', await operation.share(String(status['nonce'])))
  if (body['complete'] !== true) return showRekey(run, body)
  return showShares(run, operation, body)
}

async function showShares(run: Run, operation: KeyShareOperation, body: Json): Promise<number> {
  if (run.format !== 'table') {
    await showValue(run, body)
    return 0
  }
  const keys = (body['keys_base64'] ?? []) as readonly string[]
  const prints = (body['pgp_fingerprints'] ?? []) as readonly string[]
  const lines = keys.map((key, at) => `Key ${at + 1}${prints[at] ? ` fingerprint: ${prints[at]}; value` : ''}: ${key}`)
  run.out(`\n${lines.join('\n')}\n\nOperation nonce: ${String(body['nonce'])}\n\n`)
  if (body['verification_required'] !== true) {
    run.out(
      `These ${keys.length} shares are in effect from now on; the old ones are invalid. Give each share to\na different person: they are shown only this once.\n`,
    )
    return 0
  }
  run.out(
    'These shares are not in effect yet: their recipients first submit them with\nstrongroom operator rekey -verify. Until then, the old shares stay valid.\n\n',
  )
  run.err(`Next: run strongroom operator rekey -verify -nonce=${String(body['verification_nonce'])}`)
  return verifyStatus(run, operation)
}

async function verifyStatus(run: Run, operation: KeyShareOperation): Promise<number> {
  return showVerification(run, await operation.state('GET', 'verify'))
}

async function verifyShare(run: Run, operation: KeyShareOperation): Promise<number> {
  const status = await operation.state('GET', 'verify')
  if (status['started'] !== true)
    throw new UsageError('No rekey verification is in progress. It starts when enough old shares have been submitted.')
  const body = await operation.state('PUT', 'verify', await operation.share(String(status['nonce'])))
  if (body['complete'] !== true) return verifyStatus(run, operation)
  if (run.format === 'table')
    run.out('Rekey verification successful. The new shares are now valid, the old shares invalid.\n')
  else await showValue(run, body)
  return 0
}

const order = [
  'nonce',
  'started',
  't',
  'n',
  'progress',
  'required',
  'pgp_fingerprints',
  'backup',
  'verification_required',
  'verification_nonce',
]

type Row = readonly [string, unknown]

async function showRekey(run: Run, status: Json): Promise<number> {
  if (run.format !== 'table') {
    const usual: Json = { nonce: '', t: 0, n: 0, backup: false, verification_nonce: '' }
    const entries = order.map((name) => [name, status[name] ?? usual[name] ?? null])
    await showValue(run, Object.fromEntries(entries))
    return 0
  }
  const rows: Row[] = [
    ['Nonce', status['nonce'] ?? ''],
    ['Started', status['started']],
  ]
  if (status['started'] === true)
    rows.push(
      ['Progress', `${String(status['progress'])}/${String(status['required'])}`],
      ['New Shares', status['n']],
      ['New Threshold', status['t']],
      ['Verification Required', status['verification_required']],
    )
  if (status['verification_nonce']) rows.push(['Verification Nonce', status['verification_nonce']])
  run.out(`${keyValues(rows)}\n`)
  return 0
}

async function showVerification(run: Run, status: Json): Promise<number> {
  const { nonce, started, t, n, progress } = status
  if (run.format !== 'table') await showValue(run, { nonce, started, t, n, progress })
  else
    run.out(
      `${keyValues([
        ['Started', started],
        ['New Shares', n],
        ['New Threshold', t],
        ['Verification Nonce', nonce ?? ''],
        ['Verification Progress', `${String(progress)}/${String(t)}`],
      ])}\n`,
    )
  return 0
}

const rekeyCommand = {
  usage: '[SHARE]',
  args: [0, 1],
  flags: {
    ...shareFlags,
    ...keyShareFlags,
    verify: {
      kind: 'bool',
      about:
        'With -init: require the new shares to be verified before they replace the old ones. Otherwise: submit a new share for verification.',
    },
    target: {
      kind: 'string',
      about: 'The shares to replace: barrier (default), or recovery where a seal unseals the server.',
    },
    backup: { kind: 'bool', about: 'Store a backup of the PGP-encrypted shares on the server.' },
    'backup-retrieve': { kind: 'bool', about: 'Show the backup.' },
    'backup-delete': { kind: 'bool', about: 'Delete the backup.' },
  },
  shows: ['format'],
  doing: 'changing the key shares',
} satisfies Partial<Command>

/** `operator rekey`, `operator rotate-keys`. */
export const operatorCommands: readonly Command[] = [
  { ...rekeyCommand, name: 'operator rekey', about: 'Generate new key shares', run: async (run) => rekey(run) },
  {
    ...rekeyCommand,
    name: 'operator rotate-keys',
    about: 'Generate new key shares, through the endpoint that needs a token',
    run: async (run) => rekey(run, true),
  },
]
