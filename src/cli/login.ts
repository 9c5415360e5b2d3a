import { chmodSync, writeFileSync } from 'node:fs'
import type { Command, Run } from './command.ts'
import { dataOf } from './data.ts'
import { setting, currentToken, tokenFile } from './env.ts'
import { UsageError } from './flags.ts'
import { authRows, envelope, fieldOf } from './output.ts'
import { askHidden } from './prompt.ts'
import { showField, showValue } from './show.ts'
import { keyValues } from './table.ts'

type Body = Readonly<Record<string, unknown>>

/** Keeps a token for later commands, readable by its owner only. */
export function keepToken(token: string): void {
  writeFileSync(tokenFile(), token, { mode: 0o600 })
  chmodSync(tokenFile(), 0o600)
}

async function byToken(run: Run): Promise<Body> {
  const [given] = run.args
  const token =
    given === '-'
      ? (await run.stdin()).trim()
      : (given ?? (await askHidden('Token (will be hidden): '))).replace(/^token=/, '')
  const { body } = await run.client.send('GET', 'auth/token/lookup-self', undefined, token)
  const data = (body?.['data'] ?? {}) as Body
  return {
    ...body,
    request_id: '',
    data: null,
    auth: {
      client_token: token,
      accessor: data['accessor'],
      policies: data['policies'],
      token_policies: data['policies'],
      identity_policies: [],
      metadata: data['meta'],
      orphan: data['orphan'],
      entity_id: data['entity_id'],
      lease_duration: data['ttl'],
      renewable: data['renewable'] ?? false,
      mfa_requirement: null,
    },
  }
}

async function byMethod(run: Run, method: string): Promise<Body> {
  const data = await dataOf(run, run.args)
  const path = run.flags.text('path') ?? method
  if (method === 'userpass' || method === 'ldap') {
    const { username, ...rest } = data
    if (typeof username !== 'string') throw new UsageError('give username=…')
    const password = rest['password'] ?? (await askHidden('Password (will be hidden): '))
    return (
      (await run.client.send('PUT', `auth/${path.replace(/\/$/, '')}/login/${username}`, { ...rest, password }, ''))
        .body ?? {}
    )
  }
  return (await run.client.send('PUT', `auth/${path.replace(/\/$/, '')}/login`, data, '')).body ?? {}
}

async function login(run: Run): Promise<number> {
  const method = run.flags.text('method') ?? 'token'
  const body = method === 'token' ? await byToken(run) : await byMethod(run, method)
  const auth = body['auth'] as Body | null | undefined
  if (!auth) throw new UsageError('the server did not give a token')
  const only = run.flags.bool('token-only')
  if (!run.flags.bool('no-store') && !only) keepToken(String(auth['client_token']))
  if (only) {
    run.out(String(auth['client_token']))
    return 0
  }
  const field = run.flags.text('field')
  if (field) return showField(run, fieldOf(body, field), field)
  if (run.format !== 'table') {
    showValue(run, envelope(body))
    return 0
  }
  if (setting('TOKEN'))
    run.err('WARNING! A token is also set in the environment: it wins over the one that was kept now.')
  if (!run.flags.bool('no-print'))
    run.out(
      `Success! You are now authenticated. Later commands on this machine use this token by themselves.\n\n${keyValues(authRows(auth))}\n`,
    )
  return 0
}

/** `login` and `print token`. */
export const loginCommands: readonly Command[] = [
  {
    name: 'login',
    about: 'Log in; the token is kept for later commands',
    usage: '[TOKEN | K=V …]',
    args: [0, Infinity],
    flags: {
      method: { kind: 'text', about: 'token, userpass, …' },
      path: { kind: 'text', about: 'Where the method is mounted.' },
      'no-store': { kind: 'bool', about: 'Do not keep the token.' },
      'no-print': { kind: 'bool', about: 'Do not show it.' },
      'token-only': { kind: 'bool', about: 'Print the token and nothing else; do not keep it.' },
    },
    run: login,
  },
  {
    name: 'print token',
    about: 'Print the token in use',
    args: [0, 0],
    run: async (run) => {
      run.out(`${currentToken()}\n`)
      return 0
    },
  },
]
