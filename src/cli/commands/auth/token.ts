import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { showResponse, showValue } from '../../output/show.ts'

/** Flags of `token create` whose strings are sent unchanged, and their names in the API. */
const createTexts = {
  ttl: ['ttl', 'The TTL of the token.'],
  'explicit-max-ttl': ['explicit_max_ttl', 'The maximum lifetime, regardless of renewals.'],
  period: ['period', 'The period: every renewal resets the TTL to this value, without limit.'],
  type: ['type', 'service or batch.'],
  'display-name': ['display_name', 'The display name, shown in audit lines.'],
  id: ['id', 'The token ID to use; root only.'],
  'entity-alias': ['entity_alias', 'An entity alias that the role allows.'],
} as const

const durations = ['ttl', 'explicit-max-ttl', 'period']

const createFlags: FlagTable = {
  policy: { kind: 'strings', about: 'A policy; can be repeated.', mayBeEmpty: true },
  metadata: { kind: 'pairs', about: 'Metadata, shown in audit lines; can be repeated.' },
  ...Object.fromEntries(
    Object.entries(createTexts).map(([name, [, about]]) => [
      name,
      { kind: durations.includes(name) ? ('duration' as const) : ('string' as const), about },
    ]),
  ),
  'use-limit': { kind: 'int', about: 'The number of uses (default: unlimited).' },
  orphan: { kind: 'bool', about: 'Create the token without a parent.' },
  'no-default-policy': { kind: 'bool', about: 'Do not attach the default policy.' },
  renewable: { kind: 'bool', about: 'Whether the token can be renewed (default true).' },
  role: { kind: 'string', about: 'The token role to create the token with.' },
}

async function create(run: Run): Promise<number> {
  const { flags } = run
  const role = flags.string('role')
  const body = await run.client.ask('auth', 'POST', `auth/token/create${role ? `/${role}` : ''}`, {
    ...(flags.has('policy') && { policies: flags.strings('policy') }),
    ...(flags.has('metadata') && { meta: flags.pairs('metadata') }),
    ...Object.fromEntries(
      Object.entries(createTexts)
        .filter(([name]) => flags.has(name))
        .map(([name, [field]]) => [field, flags.string(name)]),
    ),
    ...(flags.has('use-limit') && { num_uses: flags.int('use-limit') }),
    ...(flags.bool('orphan') && { no_parent: true }),
    ...(flags.bool('no-default-policy') && { no_default_policy: true }),
    renewable: flags.bool('renewable', true),
  })
  return showResponse(run, body)
}

/** The paths of a command for the caller's own token, another token, or an accessor. */
interface TokenEndpoints {
  readonly self: string
  readonly token: string
  readonly accessor: string
  readonly methods: readonly [self: string, token: string, accessor: string]
}

/** The request of a command: its method, its path and its data. @throws UsageError for an empty or missing argument */
function requestTo(run: Run, endpoints: TokenEndpoints, more: Json = {}): readonly [string, string, Json | undefined] {
  const [tokenOrAccessor] = run.args
  if (tokenOrAccessor?.trim() === '') throw new UsageError('the token, or accessor, is empty: was a variable not set?')
  const [self, token, accessor] = endpoints.methods
  if (run.flags.bool('accessor')) {
    if (tokenOrAccessor === undefined) throw new UsageError('an accessor is missing: give it as the argument')
    return [accessor, endpoints.accessor, { accessor: tokenOrAccessor, ...more }]
  }
  if (tokenOrAccessor !== undefined) return [token, endpoints.token, { token: tokenOrAccessor, ...more }]
  return [self, endpoints.self, self === 'GET' ? undefined : more]
}

async function lookup(run: Run): Promise<number> {
  const request = requestTo(run, {
    self: 'auth/token/lookup-self',
    token: 'auth/token/lookup',
    accessor: 'auth/token/lookup-accessor',
    methods: ['GET', 'POST', 'POST'],
  })
  return showResponse(run, await run.client.ask('data', ...request))
}

async function renew(run: Run): Promise<number> {
  const increment = run.flags.string('increment')
  const request = requestTo(
    run,
    {
      self: 'auth/token/renew-self',
      token: 'auth/token/renew',
      accessor: 'auth/token/renew-accessor',
      methods: ['PUT', 'PUT', 'POST'],
    },
    increment ? { increment } : {},
  )
  return showResponse(run, await run.client.ask('auth', ...request))
}

async function revoke(run: Run): Promise<number> {
  const { flags } = run
  const [tokenOrAccessor] = run.args
  const [self, accessor, mode] = [flags.bool('self'), flags.bool('accessor'), flags.string('mode') ?? '']
  if (self && (tokenOrAccessor !== undefined || accessor || mode !== ''))
    throw new UsageError('-self excludes a token, -accessor and -mode')
  if (!self && tokenOrAccessor === undefined) throw new UsageError('give a token, or use -self')
  if (!['', 'orphan', 'path'].includes(mode)) throw new UsageError('the mode is "orphan" or "path"')
  if (accessor && mode !== '') throw new UsageError('-accessor and -mode exclude each other')
  if (mode === 'path') await run.client.send('PUT', `sys/leases/revoke-prefix/${tokenOrAccessor}`)
  else {
    const endpoints: TokenEndpoints = {
      self: 'auth/token/revoke-self',
      token: mode === 'orphan' ? 'auth/token/revoke-orphan' : 'auth/token/revoke',
      accessor: 'auth/token/revoke-accessor',
      methods: ['PUT', 'PUT', 'POST'],
    }
    await run.client.send(...requestTo(run, endpoints))
  }
  run.out('Success! Revoked token (if it existed)\n')
  if (self) run.environment.forgetToken()
  return 0
}

async function capabilities(run: Run): Promise<number> {
  const [first = '', second] = run.args
  const path = second ?? first
  const whose = second === undefined ? 'self' : run.flags.bool('accessor') ? 'accessor' : 'token'
  const body = await run.client.ask('capabilities', 'POST', `sys/capabilities${whose === 'token' ? '' : `-${whose}`}`, {
    paths: [path],
    ...(whose !== 'self' && { [whose]: first }),
  })
  if (body['wrap_info']) return showResponse(run, body)
  const found = [...((body['data'] as Readonly<Record<string, readonly string[]>> | undefined)?.[path] ?? [])].sort()
  if (run.format === 'table') run.out(`${found.join(', ')}\n`)
  else await showValue(run, found)
  return 0
}

const accessor = { accessor: { kind: 'bool', about: 'The argument is an accessor.' } } as const

/** `token …`. */
export const tokenCommands: readonly Command[] = [
  {
    name: 'token create',
    about: 'Create a token',
    args: [0, 0],
    flags: createFlags,
    shows: ['field', 'format'],
    doing: 'creating token',
    run: create,
  },
  {
    name: 'token lookup',
    about: 'Show the properties of a token (default: your own)',
    usage: '[TOKEN | ACCESSOR]',
    args: [0, 1],
    flags: accessor,
    shows: ['format'],
    doing: 'looking up token',
    run: lookup,
  },
  {
    name: 'token renew',
    about: 'Renew a token (default: your own)',
    usage: '[TOKEN | ACCESSOR]',
    args: [0, 1],
    flags: { ...accessor, increment: { kind: 'duration', about: 'The requested TTL.', alias: 'i' } },
    shows: ['format'],
    doing: 'renewing token',
    run: renew,
  },
  {
    name: 'token revoke',
    about: 'Revoke a token and its children',
    usage: '[TOKEN | ACCESSOR]',
    args: [0, 1],
    flags: {
      ...accessor,
      self: { kind: 'bool', about: 'Revoke your own token.' },
      mode: { kind: 'string', about: 'orphan: keep its children; path: revoke all tokens created at this path.' },
    },
    doing: 'revoking token',
    run: revoke,
  },
  {
    name: 'token capabilities',
    about: 'Show the capabilities of a token on a path (default: your own token)',
    usage: '[TOKEN | ACCESSOR] PATH',
    args: [1, 2],
    flags: accessor,
    shows: ['format'],
    doing: 'listing capabilities',
    run: capabilities,
  },
]
