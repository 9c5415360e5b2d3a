import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { UsageError } from '../../framework/flags.ts'
import { barePath } from '../../http/paths.ts'
import { NoTerminal } from '../../framework/prompt.ts'
import { showResponse, showField, showValue, showWarnings } from '../../output/show.ts'
import { loginByBrowser } from './oidc.ts'
import { withSecondFactor } from './second-factor.ts'
import { responseTable, envelope, fieldOf } from '../../output/format.ts'

/** The login of an auth method: the last segment of its path, and the secret to prompt for if it is missing. */
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

/** The methods of a strongroom server; the others are for servers with the same API. */
export const serverMethods = 'token, userpass, approle, jwt, oidc, kubernetes, cert, ldap'

async function login(run: Run): Promise<number> {
  const output = outputOf(run)
  const body = await withSecondFactor(run, await authenticate(run))
  const token = (body['auth'] as { readonly client_token?: string } | null | undefined)?.client_token
  // A wrapped response contains no token yet: it is shown, and nothing is stored.
  if (token === undefined) return showResponse(run, body)
  const problem = output.store ? store(run, token) : undefined
  if (problem) run.err(`${problem}\n  You are logged in nevertheless: the token is shown this once.`)
  if (!output.print && !problem) return 0
  const status = await showLogin(run, body, output.store && !problem, output.field)
  return problem ? 2 : status
}

interface LoginOutput {
  /** Whether the token is stored for later commands. */
  readonly store: boolean
  readonly print: boolean
  /** The one field to print; empty for all. */
  readonly field: string
}

/** @throws UsageError for flags that would lose the token */
function outputOf({ flags }: Run): LoginOutput {
  if (flags.bool('token-only')) return { store: false, print: true, field: 'token' }
  const output = { store: !flags.bool('no-store'), print: !flags.bool('no-print'), field: flags.string('field') ?? '' }
  if (!output.store && !output.print) throw new UsageError('-no-store and -no-print together would lose the token')
  return output
}

async function authenticate(run: Run): Promise<Json> {
  const name = run.flags.string('method') || 'token'
  if (name === 'token') return byToken(run)
  if (name === 'oidc') return loginByBrowser(run, mountOf(run, name), await textsOf(run))
  const method = Object.hasOwn(methods, name) ? methods[name] : undefined
  if (method) return byMethod(run, name, method)
  throw new UsageError(`this command cannot log in with the auth method ${name}\n  supported: ${serverMethods}`)
}

/** @returns why the token could not be stored. It is valid and must not be lost for that. */
function store(run: Run, token: string): string | undefined {
  try {
    run.environment.keepToken(token)
    return undefined
  } catch (thrown) {
    if (thrown instanceof UsageError) return thrown.message
    throw thrown
  }
}

async function showLogin(run: Run, body: Json, stored: boolean, field: string): Promise<number> {
  if (field !== '') return showField(run, fieldOf(body, field), field)
  if (run.format !== 'table') {
    await showValue(run, envelope(body))
    return 0
  }
  if (!stored) run.err('The token was not stored: set VAULT_TOKEN to it, or log in without -no-store.')
  else if (run.environment.setting('TOKEN'))
    run.err('WARNING! The environment also sets a token: it takes precedence over the token stored now.')
  const note = stored ? ' Later commands on this machine use this token automatically.' : ''
  showWarnings(run, body)
  run.out(`Success! You are now authenticated.${note}\n\n${responseTable(body)}\n`)
  return 0
}

async function byToken(run: Run): Promise<Json> {
  const token = await tokenInput(run)
  try {
    const body = await run.client.ask('id', 'GET', 'auth/token/lookup-self', undefined, { token })
    if (body['wrap_info']) return body
    return { auth: authOf(token, (body['data'] ?? {}) as Json) }
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

async function tokenInput(run: Run): Promise<string> {
  const [word] = run.args
  if (word !== undefined && run.args.length === 1 && !word.startsWith('token='))
    return (word === '-' ? await run.stdin() : word).trim()
  const { token } = await textsOf(run)
  return (token ?? (await askFor(run, 'Token'))).trim()
}

async function byMethod(run: Run, name: string, method: Method): Promise<Json> {
  const inputs = await textsOf(run)
  for (const field of method.needs) {
    if (inputs[field] === undefined) throw new ServerError(`the auth method ${name} needs ${field}=…`)
  }
  const { secret } = method
  const data = { ...inputs, ...(secret && inputs[secret] === undefined && { [secret]: await askFor(run, secret) }) }
  const { username: _, ...rest } = data as Readonly<Record<string, string>>
  const path = `${mountOf(run, name)}/${method.path(data)}`
  const sent = run.client.ask('auth', 'PUT', path, rest, { token: '' })
  return sent.catch((thrown: unknown) => {
    const isMissing = thrown instanceof ServerError && [403, 404].includes(thrown.status)
    throw isMissing
      ? thrown.withHint(
          `check with "strongroom auth list" that the auth method ${name} is enabled; a strongroom server has: ${serverMethods}`,
        )
      : thrown
  })
}

const mountOf = (run: Run, name: string): string => `auth/${barePath(run.flags.string('path') ?? name)}`

async function textsOf(run: Run): Promise<Readonly<Record<string, string>>> {
  return (await inputOf(run, run.args)) as Readonly<Record<string, string>>
}

/** Prompts for a missing value. Without a terminal, the login fails: exit status 2. */
async function askFor(run: Run, what: string): Promise<string> {
  if (run.flags.bool('non-interactive')) throw new ServerError(`give ${what}=… or leave out -non-interactive`)
  return run.ask(`${what} (will be hidden): `).catch((thrown: unknown) => {
    throw thrown instanceof NoTerminal ? new ServerError(thrown.message) : thrown
  })
}

/** `login`. */
export const loginCommands: readonly Command[] = [
  {
    name: 'login',
    about: 'Log in and store the token for later commands',
    usage: '[TOKEN | K=V …]',
    args: [0, Infinity],
    anonymous: true,
    flags: {
      method: {
        kind: 'string',
        about: `The type of the auth method (default token; a strongroom server has: ${serverMethods}).`,
      },
      path: { kind: 'string', about: 'The path where the method is mounted (default: its type).' },
      'no-store': { kind: 'bool', about: 'Do not store the token.' },
      'no-print': { kind: 'bool', about: 'Do not print the token.' },
      'token-only': { kind: 'bool', about: 'Print only the token, and do not store it.' },
    },
    shows: ['field', 'format'],
    doing: 'authenticating',
    run: login,
  },
]
