import { randomBytes } from 'node:crypto'
import { base62 } from '../../../util/base62.ts'
import { wipe } from '../../../util/bytes.ts'
import type { Json } from '../../../util/json.ts'
import { KeyShareOperation, keyShareFlags } from './key-share-operation.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { pgpKey } from './key-share.ts'
import { showValue } from '../../output/show.ts'
import { columns, textOf } from '../../output/table.ts'

async function generateRoot(run: Run): Promise<number> {
  const { flags } = run
  if (flags.string('decode') !== undefined) return decode(run)
  const operation = new KeyShareOperation(
    run,
    'sys/generate-root',
    'sys/generate-root-token',
    'disable_unauthed_generate_root_endpoints',
  )
  if (flags.bool('cancel')) {
    await operation.cancel('attempt')
    run.out('Success! Root token generation canceled (if it was started)\n')
    return 0
  }
  if (flags.bool('init')) return begin(run, operation)
  const status = await operation.state('GET', 'attempt')
  if (flags.bool('generate-otp')) return generateOtp(run, Number(status['otp_length']))
  if (flags.bool('status')) return show(run, status)
  if (status['started'] !== true) throw new UsageError('No root generation is in progress. Begin one with -init.')
  const share = await operation.share(String(status['nonce']))
  const body = await operation.state('PUT', 'update', share)
  return show(run, { ...body, otp_length: 0 })
}

async function begin(run: Run, operation: KeyShareOperation): Promise<number> {
  const { flags } = run
  const [otp = '', key] = [flags.string('otp'), flags.string('pgp-key')]
  if (otp !== '' && key) throw new UsageError('give either -otp or -pgp-key, not both')
  const body = await operation.state('PUT', 'attempt', key ? { pgp_key: pgpKey(key) } : { otp })
  if (body['otp'] && run.format === 'table')
    run.err(
      'A One-Time Password was generated: without it, the new root token cannot be decoded. Keep it apart from the key shares, and keep it safe.',
    )
  return show(run, body)
}

async function generateOtp(run: Run, length: number): Promise<number> {
  const otp = base62(length, randomBytes)
  if (run.format === 'table') run.out(`${otp}\n`)
  else await showValue(run, { otp, otp_length: length })
  return 0
}

/** The token from its encoded form: base64 of token XOR one-time password. */
async function decode(run: Run): Promise<number> {
  const [encoded = '', otp = ''] = [run.flags.string('decode'), run.flags.string('otp')]
  if (otp === '') throw new UsageError('Missing otp: use -otp to supply it')
  const bytes = Buffer.from(encoded === '-' ? (await run.stdin()).trim() : encoded, 'base64')
  const pad = Buffer.from(otp)
  if (bytes.length !== pad.length)
    throw new UsageError('the encoded token and the one-time password do not match: their lengths differ')
  const token = Buffer.from(bytes.map((byte, at) => byte ^ (pad[at] as number)))
  if (run.format === 'table') run.out(token.toString())
  else await showValue(run, { token: token.toString() })
  wipe(token)
  return 0
}

const order = [
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

async function show(run: Run, status: Json): Promise<number> {
  if (run.format !== 'table') {
    await showValue(run, Object.fromEntries(order.map((name) => [name, status[name] ?? ''])))
    return 0
  }
  const rows = [
    ['Nonce', textOf(status['nonce']) || 'n/a'],
    ['Started', String(status['started'])],
    ['Progress', `${String(status['progress'])}/${String(status['required'])}`],
    ['Complete', String(status['complete'])],
  ]
  const more = {
    'PGP Fingerprint': 'pgp_fingerprint',
    'Encoded Token': 'encoded_token',
    OTP: 'otp',
    'OTP Length': 'otp_length',
  }
  for (const [heading, name] of Object.entries(more)) if (status[name]) rows.push([heading, textOf(status[name])])
  run.out(`${columns(rows)}\n`)
  return 0
}

/** `operator generate-root`. */
export const operatorCommands: readonly Command[] = [
  {
    name: 'operator generate-root',
    about: 'Generate a new root token with key shares',
    usage: '[SHARE]',
    args: [0, 1],
    flags: {
      ...keyShareFlags,
      otp: { kind: 'string', about: 'The one-time password (default: the server generates one).' },
      'pgp-key': { kind: 'string', about: 'File with the PGP public key to encrypt the token with.' },
      decode: { kind: 'string', about: 'Decode this encoded token and print it; needs -otp.' },
      'generate-otp': { kind: 'bool', about: 'Generate a one-time password and print it.' },
    },
    shows: ['format'],
    doing: 'generating a root token',
    run: generateRoot,
  },
]
