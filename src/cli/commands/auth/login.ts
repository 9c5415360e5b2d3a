import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { UsageError } from '../../framework/flags.ts'
import { barePath } from '../../http/paths.ts'
import { NoTerminal } from '../../framework/prompt.ts'
import { showAnswer, showField, showValue, showWarnings } from '../../output/show.ts'
import { answerTable, envelope, fieldOf } from '../../output/format.ts'

/** How each method logs in: what its path ends with, and what it asks for if it is not given. */
interface Method {
  readonly path: (data: Readonly<Record<string, string>>) => string
  readonly secret?: string
  readonly needs: readonly string[]
}

const byName: Method = { path: ({ username = '' }) => `login/${username}`, secret: 'password', needs: ['username'] }
const methods: Readonly<Record<string, Method>> = {
  userpass: byName,
  ldap: byName,
  radius: byName,
  approle: { path: () => 'login', secret: 'secret_id', needs: ['role_id'] },
  jwt: { path: () => 'login', secret: 'jwt', needs: ['role'] },
  kubernetes: { path: () => 'login', secret: 'jwt', needs: ['role'] },
  cert: { path: () => 'login', needs: [] },
}

async function login(run: Run): Promise<number> {
  const { flags } = run
  const only = flags.bool('token-only')
  const [noStore, noPrint] = [only || flags.bool('no-store'), !only && flags.bool('no-print')]
  if (noStore && noPrint) throw new UsageError('-no-store and -no-print together would lose the token')
  const name = flags.text('method') || 'token'
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (name !== 'token' && !method)
    throw new UsageError(
      `there is no way here to log in with ${name}\n  known: token, ${Object.keys(methods).join(', ')}`,
    )
  const body = method ? await byMethod(run, name, method) : await byToken(run)
  const token = (body['auth'] as { readonly client_token?: string } | null | undefined)?.client_token
  // A wrapped answer holds no token yet: it is shown and not kept.
  if (token === undefined) return showAnswer(run, body)
  const lost = noStore ? undefined : keep(run, token)
  if (lost) run.err(`${lost}\n  You are logged in nevertheless: the token is shown this once.`)
  if (noPrint && !lost) return 0
  const shown = await showLogin(run, body, noStore || lost !== undefined, only ? 'token' : (flags.text('field') ?? ''))
  return lost ? 2 : shown
}

/** @returns why the token could not be kept. It is valid, and must not be lost for that. */
function keep(run: Run, token: string): string | undefined {
  try {
    run.environment.keepToken(token)
    return undefined
  } catch (thrown) {
    if (thrown instanceof UsageError) return thrown.message
    throw thrown
  }
}

async function showLogin(run: Run, body: Json, noStore: boolean, field: string): Promise<number> {
  if (field !== '') return showField(run, fieldOf(body, field), field)
  if (run.format !== 'table') {
    await showValue(run, envelope(body))
    return 0
  }
  if (noStore) run.err('The token was not kept: set VAULT_TOKEN to it, or log in without -no-store.')
  else if (run.environment.setting('TOKEN'))
    run.err('WARNING! A token is also set in the environment: it wins over the one that was kept now.')
  const kept = noStore ? '' : ' Later commands on this machine use this token by themselves.'
  showWarnings(run, body)
  run.out(`Success! You are now authenticated.${kept}\n\n${answerTable(body)}\n`)
  return 0
}

async function byToken(run: Run): Promise<Json> {
  const token = await tokenGiven(run)
  try {
    const { body } = await run.client.send('GET', 'auth/token/lookup-self', undefined, { token })
    if (body?.['wrap_info']) return body
    return { auth: authOf(token, (body?.['data'] ?? {}) as Json) }
  } catch (thrown) {
    if (thrown instanceof ServerError) thrown.during = 'Error authenticating with the token'
    throw thrown
  }
}

const authOf = (token: string, data: Json): Json => ({
  client_token: token,
  accessor: data['accessor'],
  policies: data['policies'],
  token_policies: data['policies'],
  lease_duration: data['ttl'],
  renewable: data['renewable'],
})

async function tokenGiven(run: Run): Promise<string> {
  const [word] = run.args
  if (word !== undefined && run.args.length === 1 && !word.startsWith('token='))
    return (word === '-' ? await run.stdin() : word).trim()
  const { token } = await textsOf(run)
  return (token ?? (await asked(run, 'Token'))).trim()
}

async function byMethod(run: Run, name: string, method: Method): Promise<Json> {
  const given = await textsOf(run)
  for (const field of method.needs) {
    if (given[field] === undefined) throw new ServerError(`give ${field}=…: ${name} needs it`)
  }
  const { secret } = method
  const data = { ...given, ...(secret && given[secret] === undefined && { [secret]: await asked(run, secret) }) }
  const { username: _, ...rest } = data as Readonly<Record<string, string>>
  const path = `auth/${barePath(run.flags.text('path') ?? name)}/${method.path(data)}`
  const sent = run.client.send('PUT', path, rest, { token: '' })
  const { body } = await sent.catch((thrown: unknown) => {
    const isMissing = thrown instanceof ServerError && [403, 404].includes(thrown.status)
    throw isMissing
      ? thrown.withHint(`is the method ${name} there? "strongroom auth list" tells; strongroom itself has tokens only`)
      : thrown
  })
  return body ?? {}
}

async function textsOf(run: Run): Promise<Readonly<Record<string, string>>> {
  return (await inputOf(run, run.args)) as Readonly<Record<string, string>>
}

/** Asks for what is missing. Having nobody to ask is a failed login: exit status 2. */
async function asked(run: Run, what: string): Promise<string> {
  if (run.flags.bool('non-interactive')) throw new ServerError(`give ${what}=… or leave out -non-interactive`)
  return run.ask(`${what} (will be hidden): `).catch((thrown: unknown) => {
    throw thrown instanceof NoTerminal ? new ServerError(thrown.message) : thrown
  })
}

/** `login`. */
export const loginCommands: readonly Command[] = [
  {
    name: 'login',
    about: 'Log in; the token is kept for later commands',
    usage: '[TOKEN | K=V …]',
    args: [0, Infinity],
    anonymous: true,
    flags: {
      method: { kind: 'text', about: 'The type of the auth method: token, which is the one that strongroom has.' },
      path: { kind: 'text', about: 'Where the method is mounted; its name unless given.' },
      'no-store': { kind: 'bool', about: 'Do not keep the token.' },
      'no-print': { kind: 'bool', about: 'Do not show it.' },
      'token-only': { kind: 'bool', about: 'Print the token and nothing else; do not keep it.' },
    },
    shows: ['field', 'format'],
    doing: 'authenticating',
    run: login,
  },
]
