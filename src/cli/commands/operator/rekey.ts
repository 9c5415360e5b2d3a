import type { Json } from '../../../util/json.ts'
import { KeyShareOperation, keyShareFlags } from './key-share-operation.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { shareFlags } from './init.ts'
import { pgpKeys } from './key-share.ts'
import { showResponse, showValue } from '../../output/show.ts'
import { keyValues } from '../../output/table.ts'

const targets = ['barrier', 'unseal']

async function rekey(run: Run, open = 'sys/rekey'): Promise<number> {
  const { flags } = run
  const target = flags.string('target') || 'barrier'
  if (target === 'recovery' || target === 'hsm')
    throw new ServerError('this seal has no recovery keys: the target is "barrier"')
  if (!targets.includes(target)) throw new UsageError(`Unknown target: ${target}`)
  const operation = new KeyShareOperation(run, open, 'sys/rotate/root', 'disable_unauthed_rekey_endpoints')
  if (flags.bool('backup-retrieve')) return showResponse(run, (await operation.send('GET', 'backup')).body)
  if (flags.bool('backup-delete')) return deleteBackup(run, operation)
  const verify = flags.bool('verify')
  if (flags.bool('init')) return begin(run, operation)
  const part = verify ? 'verify' : 'init'
  if (flags.bool('cancel')) {
    await operation.cancel(part)
    run.out('Success! Canceled rekeying (if it was started)\n')
    return 0
  }
  if (flags.bool('status')) return verify ? verifyStatus(run, operation) : showRekey(run, await statusOf(operation))
  return verify ? verifyShare(run, operation) : giveShare(run, operation)
}

async function deleteBackup(run: Run, operation: KeyShareOperation): Promise<number> {
  await operation.send('DELETE', 'backup')
  run.out('Success! Deleted backed up keys (if they existed)\n')
  return 0
}

/** How a rekey stands. The guarded door wraps it in an envelope. */
async function statusOf(operation: KeyShareOperation): Promise<Json> {
  return bare((await operation.send('GET', 'init')).body)
}

const bare = (body: Json | undefined): Json => (body?.['data'] ?? body ?? {}) as Json

async function begin(run: Run, operation: KeyShareOperation): Promise<number> {
  const { flags } = run
  const { body } = await operation.send('PUT', 'init', {
    secret_shares: flags.int('key-shares') ?? 5,
    secret_threshold: flags.int('key-threshold') ?? 3,
    require_verification: flags.bool('verify'),
    backup: flags.bool('backup'),
    ...pgpKeys(run, 'pgp-keys'),
  })
  if (run.format === 'table') {
    if (!flags.has('pgp-keys'))
      run.err(
        'WARNING! The new shares will be shown in clear to whoever gives the last share. With -pgp-keys each is encrypted for its holder, and with -verify they count only once their holders proved to have them.',
      )
    run.out('\n')
  }
  return showRekey(run, bare(body))
}

async function giveShare(run: Run, operation: KeyShareOperation): Promise<number> {
  // Before the question: nobody should be asked for a share that is then refused.
  if (run.flags.bool('non-interactive') && run.args.length === 0)
    throw new UsageError('give the key share as an argument, or leave out -non-interactive')
  const status = await statusOf(operation)
  if (status['started'] !== true) throw new UsageError('No rekey is in progress. Begin one with -init.')
  const body = bare((await operation.send('PUT', 'update', await operation.share(String(status['nonce'])))).body)
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
      `The server opens with these ${keys.length} shares now, and with the old ones no more. Hand each to\nanother person: they are shown only this once.\n`,
    )
    return 0
  }
  run.out(
    'These shares do not count yet: their holders give them back first, with\nstrongroom operator rekey -verify, and until then the old ones stay in use.\n\n',
  )
  run.err(`Again, so that it is not missed: go on with -verify and -nonce=${String(body['verification_nonce'])}`)
  return verifyStatus(run, operation)
}

async function verifyStatus(run: Run, operation: KeyShareOperation): Promise<number> {
  return showVerification(run, bare((await operation.send('GET', 'verify')).body))
}

async function verifyShare(run: Run, operation: KeyShareOperation): Promise<number> {
  const status = bare((await operation.send('GET', 'verify')).body)
  if (status['started'] !== true)
    throw new UsageError('No rekey verification is in progress. It begins when enough old shares were given.')
  const body = bare((await operation.send('PUT', 'verify', await operation.share(String(status['nonce'])))).body)
  if (body['complete'] !== true) return verifyStatus(run, operation)
  if (run.format === 'table')
    run.out('Rekey verification successful. The new shares open the server, the old ones no more.\n')
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
    verify: { kind: 'bool', about: 'The new shares count only after enough of them were given back.' },
    target: { kind: 'string', about: 'barrier (usual); this seal has no recovery keys.' },
    backup: { kind: 'bool', about: 'Keep a copy of the PGP-encrypted shares on the server.' },
    'backup-retrieve': { kind: 'bool', about: 'Read that copy.' },
    'backup-delete': { kind: 'bool', about: 'Remove it.' },
  },
  shows: ['format'],
  doing: 'changing the key shares',
} satisfies Partial<Command>

/** `operator rekey`, `operator rotate-keys`. */
export const operatorCommands: readonly Command[] = [
  { ...rekeyCommand, name: 'operator rekey', about: 'Make new key shares', run: async (run) => rekey(run) },
  {
    ...rekeyCommand,
    name: 'operator rotate-keys',
    about: 'Make new key shares, with a token; nobody without one is asked',
    run: async (run) => rekey(run, 'sys/rotate/root'),
  },
]
