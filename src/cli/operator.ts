import { randomBytes } from 'node:crypto'
import { base62 } from '../util/base62.ts'
import { ServerError } from './client.ts'
import type { Command, Run } from './command.ts'
import { UsageError } from './flags.ts'
import { askHidden } from './prompt.ts'
import { showValue } from './show.ts'
import { showStatus } from './status.ts'
import { columns, keyValues } from './table.ts'

type Body = Readonly<Record<string, unknown>>

/** A key share: the argument, standard input for "-", or asked for. */
async function shareGiven(run: Run, question: string): Promise<string> {
  const given = run.args[0]
  if (given === '-') return (await run.stdin()).trim()
  if (given !== undefined) return given.trim()
  if (run.flags.bool('non-interactive')) throw new UsageError('give the key share as an argument')
  return (await askHidden(question)).trim()
}

async function init(run: Run): Promise<number> {
  if (run.flags.bool('status')) return initStatus(run)
  const shares = run.flags.int('key-shares') ?? 5
  const threshold = run.flags.int('key-threshold') ?? 3
  const { body = {} } = await run.client.send('PUT', 'sys/init', { secret_shares: shares, secret_threshold: threshold })
  const keys = (body['keys_base64'] ?? []) as readonly string[]
  if (run.format !== 'table') {
    showValue(run, {
      unseal_keys_b64: keys,
      unseal_keys_hex: body['keys'],
      unseal_shares: shares,
      unseal_threshold: threshold,
      recovery_keys_b64: null,
      recovery_keys_hex: null,
      recovery_keys_shares: 0,
      recovery_keys_threshold: 0,
      root_token: body['root_token'],
    })
    return 0
  }
  run.out(
    `${keys.map((key, at) => `Unseal Key ${at + 1}: ${key}`).join('\n')}\n\nInitial Root Token: ${String(body['root_token'])}\n\n`,
  )
  run.out(
    `The server is initialised with ${shares} key shares, ${threshold} of which open it. Give each share to another\nperson now: they are shown only this once, and without ${threshold} of them nobody can ever open this server again.\nNext, ${threshold} times: strongroom operator unseal\n`,
  )
  return 0
}

async function initStatus(run: Run): Promise<number> {
  const { status, body } = await run.client.ask('GET', 'sys/init')
  if (status !== 200) throw new ServerError('the server did not say whether it is initialised', status)
  const done = body?.['initialized'] === true
  if (run.format === 'table') run.out(done ? 'Vault is initialized\n' : 'Vault is not initialized\n')
  else showValue(run, { Initialized: done })
  return done ? 0 : 2
}

async function unseal(run: Run): Promise<number> {
  const data = run.flags.bool('reset')
    ? { reset: true }
    : { key: await shareGiven(run, 'Key share (will be hidden): ') }
  const { body = {} } = await run.client.send('PUT', 'sys/unseal', data)
  showStatus(run, body)
  return 0
}

async function keyStatus(run: Run): Promise<number> {
  const { body = {} } = await run.client.send('GET', 'sys/key-status')
  const data = (body['data'] ?? body) as Body
  const shown = { term: data['term'], install_time: data['install_time'], encryptions: data['encryptions'] }
  if (run.format === 'table')
    run.out(
      `${columns([
        ['Key Term', String(shown.term)],
        ['Install Time', String(shown.install_time)],
        ['Encryption Count', String(shown.encryptions)],
      ])}\n`,
    )
  else showValue(run, shown)
  return 0
}

async function rotate(run: Run): Promise<number> {
  await run.client.send('PUT', 'sys/rotate')
  if (run.format === 'table') run.out('Success! Rotated key\n\n')
  return keyStatus(run)
}

function rekeyTable(status: Body): string {
  const started = status['started'] === true
  return keyValues([
    ['Nonce', status['nonce']],
    ['Started', status['started']],
    ...(started
      ? ([
          ['Progress', `${String(status['progress'])}/${String(status['required'])}`],
          ['New Shares', status['n']],
          ['New Threshold', status['t']],
          ['Verification Required', status['verification_required']],
        ] as const)
      : []),
    ...(status['verification_nonce'] ? ([['Verification Nonce', status['verification_nonce']]] as const) : []),
  ])
}

const rekeyOrder = [
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

function showRekey(run: Run, status: Body): number {
  if (run.format === 'table') run.out(`${rekeyTable(status)}\n`)
  else
    showValue(
      run,
      Object.fromEntries(rekeyOrder.map((name) => [name, status[name] ?? (name === 'verification_nonce' ? '' : null)])),
    )
  return 0
}

async function rekey(run: Run): Promise<number> {
  const { flags, client } = run
  if ((flags.text('target') ?? 'barrier') !== 'barrier')
    throw new UsageError('the target can only be "barrier": this seal has no recovery keys')
  const verifying = flags.bool('verify')
  const part = verifying ? 'verify' : 'init'
  if (flags.bool('backup-retrieve')) return client.send('GET', 'sys/rekey/backup').then(() => 0)
  if (flags.bool('backup-delete'))
    return client
      .send('DELETE', 'sys/rekey/backup')
      .then(() => (run.out('Success! Deleted backed up keys (if they existed)\n'), 0))
  if (flags.bool('cancel')) {
    await client.send('DELETE', `sys/rekey/${part}`)
    run.out(
      verifying
        ? 'Success! Canceled rekey verification operation\n'
        : 'Success! Canceled rekeying (if it was started)\n',
    )
    return 0
  }
  if (flags.bool('init')) return rekeyInit(run)
  const { body: status = {} } = await client.send('GET', `sys/rekey/${part}`)
  if (flags.bool('status')) return showRekey(run, status)
  if (status['started'] !== true) throw new UsageError('no rekey is under way; begin one with -init')
  const nonce = flags.text('nonce') ?? (run.args[0] === undefined ? String(status['nonce']) : undefined)
  if (nonce === undefined)
    throw new UsageError('give the nonce of the operation with -nonce, so that nobody can swap it for another')
  const key = await shareGiven(run, `Rekey operation nonce: ${nonce}\nKey share (will be hidden): `)
  const { body = {} } = await client.send('PUT', `sys/rekey/${verifying ? 'verify' : 'update'}`, { key, nonce })
  if (body['complete'] !== true)
    return showRekey(run, verifying ? body : ((await client.send('GET', 'sys/rekey/init')).body ?? {}))
  if (verifying) {
    run.out('Success! Rekey verification operation complete. The new keys are in use.\n')
    return 0
  }
  return newShares(run, body)
}

async function rekeyInit(run: Run): Promise<number> {
  const { flags, client } = run
  const wish = {
    secret_shares: flags.int('key-shares') ?? 5,
    secret_threshold: flags.int('key-threshold') ?? 3,
    require_verification: flags.bool('verify'),
  }
  const { body = {} } = await client.send('PUT', 'sys/rekey/init', wish)
  if (run.format === 'table') {
    run.err(
      'WARNING! If the new shares are lost, nobody can open this server any more: use -verify to be sure of them.',
    )
    run.out('\n')
  }
  return showRekey(run, body)
}

function newShares(run: Run, body: Body): number {
  const keys = (body['keys_base64'] ?? []) as readonly string[]
  if (run.format !== 'table') {
    showValue(run, body)
    return 0
  }
  run.out(
    `\n${keys.map((key, at) => `Key ${at + 1}: ${key}`).join('\n')}\n\nOperation nonce: ${String(body['nonce'])}\n\n`,
  )
  if (body['verification_required'] === true)
    run.out(
      `The new shares do not count yet: give enough of them back with operator rekey -verify.\nVerification nonce: ${String(body['verification_nonce'])}\n`,
    )
  else run.out(`The server now opens with these ${keys.length} shares only. Give each to another person now.\n`)
  return 0
}

const rootOrder = [
  'nonce',
  'started',
  'progress',
  'required',
  'complete',
  'encoded_token',
  'encoded_root_token',
  'pgp_fingerprint',
  'otp',
  'otp_length',
]

function showRoot(run: Run, status: Body): number {
  if (run.format !== 'table') {
    showValue(run, Object.fromEntries(rootOrder.map((name) => [name, status[name] ?? ''])))
    return 0
  }
  const rows: string[][] = [
    ['Nonce', String(status['nonce'] || 'n/a')],
    ['Started', String(status['started'])],
    ['Progress', `${String(status['progress'])}/${String(status['required'])}`],
    ['Complete', String(status['complete'])],
  ]
  if (status['encoded_token']) rows.push(['Encoded Token', String(status['encoded_token'])])
  if (status['otp']) rows.push(['OTP', String(status['otp'])])
  if (status['otp_length']) rows.push(['OTP Length', String(status['otp_length'])])
  run.out(`${columns(rows)}\n`)
  return 0
}

async function generateRoot(run: Run): Promise<number> {
  const { flags, client } = run
  const attempt = 'sys/generate-root/attempt'
  if (flags.text('decode') !== undefined) return decodeRoot(run)
  if (flags.bool('cancel')) {
    await client.send('DELETE', attempt)
    run.out('Success! Root token generation canceled (if it was started)\n')
    return 0
  }
  if (flags.bool('generate-otp')) {
    const length = Number((await client.send('GET', attempt)).body?.['otp_length'])
    const otp = base62(length, randomBytes)
    if (run.format === 'table') run.out(`${otp}\n`)
    else showValue(run, { otp, otp_length: length })
    return 0
  }
  if (flags.bool('init')) {
    if (flags.text('pgp-key')) throw new UsageError('give -otp or nothing: PGP keys are not offered')
    const { body = {} } = await client.send('PUT', attempt, { otp: flags.text('otp') ?? '' })
    if (body['otp'] && run.format === 'table')
      run.err(
        'A one-time password was made for you: you need it to decode the token. Keep it, and keep it apart from the shares.',
      )
    return showRoot(run, body)
  }
  const { body: status = {} } = await client.send('GET', attempt)
  if (flags.bool('status')) return showRoot(run, status)
  if (status['started'] !== true) throw new UsageError('no root generation is under way; begin one with -init')
  const nonce = flags.text('nonce') ?? (run.args[0] === undefined ? String(status['nonce']) : undefined)
  if (nonce === undefined)
    throw new UsageError('give the nonce of the operation with -nonce, so that nobody can swap it for another')
  const key = await shareGiven(run, `Operation nonce: ${nonce}\nKey share (will be hidden): `)
  return showRoot(run, { ...(await client.send('PUT', 'sys/generate-root/update', { key, nonce })).body })
}

async function decodeRoot(run: Run): Promise<number> {
  const [encoded = '', otp = ''] = [run.flags.text('decode'), run.flags.text('otp')]
  if (otp === '') throw new UsageError('give the one-time password with -otp')
  const bytes = Buffer.from(encoded === '-' ? (await run.stdin()).trim() : encoded, 'base64')
  const pad = Buffer.from(otp)
  if (bytes.length !== pad.length)
    throw new UsageError('the encoded token and the one-time password do not belong together')
  const token = Buffer.from(bytes.map((byte, at) => byte ^ (pad[at] as number))).toString()
  if (run.format === 'table') run.out(token)
  else showValue(run, { token })
  return 0
}

const counts = {
  'key-shares': { kind: 'int', about: 'How many shares.' },
  n: { kind: 'int', about: 'How many shares.' },
  'key-threshold': { kind: 'int', about: 'How many of them open the server.' },
} as const
const state = {
  status: { kind: 'bool', about: 'Show how far it is.' },
  init: { kind: 'bool', about: 'Begin.' },
  cancel: { kind: 'bool', about: 'Cancel.' },
  nonce: { kind: 'text', about: 'The nonce of the operation.' },
} as const

/** `operator …`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator init',
    about: 'Initialise a new server: key shares and the first root token',
    args: [0, 0],
    flags: { ...counts, status: state.status },
    run: init,
  },
  {
    name: 'operator unseal',
    about: 'Give one key share',
    usage: '[SHARE]',
    args: [0, 1],
    flags: {
      reset: { kind: 'bool', about: 'Forget the shares given so far.' },
      migrate: { kind: 'bool', about: 'Not offered.' },
    },
    run: unseal,
  },
  {
    name: 'operator seal',
    about: 'Seal the server: its keys are wiped from memory',
    args: [0, 0],
    run: async (run) => {
      await run.client.send('PUT', 'sys/seal')
      run.out('Success! Vault is sealed.\n')
      return 0
    },
  },
  { name: 'operator key-status', about: 'The encryption key in use', args: [0, 0], run: keyStatus },
  { name: 'operator rotate', about: 'Take a new encryption key into use', args: [0, 0], run: rotate },
  {
    name: 'operator rekey',
    about: 'Make new key shares',
    usage: '[SHARE]',
    args: [0, 1],
    flags: {
      ...counts,
      ...state,
      verify: { kind: 'bool', about: 'The new shares count only after enough were given back.' },
      target: { kind: 'text', about: 'barrier.' },
      'backup-retrieve': { kind: 'bool', about: 'Read the backup of encrypted shares.' },
      'backup-delete': { kind: 'bool', about: 'Remove it.' },
    },
    run: rekey,
  },
  {
    name: 'operator generate-root',
    about: 'Make a new root token from key shares',
    usage: '[SHARE]',
    args: [0, 1],
    flags: {
      ...state,
      otp: { kind: 'text', about: 'The one-time password.' },
      'pgp-key': { kind: 'text', about: 'Not offered.' },
      decode: { kind: 'text', about: 'Decode this encoded token.' },
      'generate-otp': { kind: 'bool', about: 'Make a one-time password.' },
    },
    run: generateRoot,
  },
]
