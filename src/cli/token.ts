import type { Command, Run } from './command.ts'
import { UsageError } from './flags.ts'
import { showAnswer, showValue } from './show.ts'

async function create(run: Run): Promise<number> {
  const { flags } = run
  const role = flags.text('role')
  const path = role ? `auth/token/create/${role}` : 'auth/token/create'
  const text = (name: string, field: string) => (flags.text(name) === undefined ? {} : { [field]: flags.text(name) })
  const data = {
    ...(flags.has('policy') && { policies: flags.texts('policy') }),
    ...(flags.has('metadata') && { meta: flags.pairs('metadata') }),
    ...text('ttl', 'ttl'),
    ...text('explicit-max-ttl', 'explicit_max_ttl'),
    ...text('period', 'period'),
    ...text('type', 'type'),
    ...text('display-name', 'display_name'),
    ...text('id', 'id'),
    ...text('entity-alias', 'entity_alias'),
    ...(flags.has('use-limit') && { num_uses: flags.int('use-limit') }),
    ...(flags.bool('orphan') && { no_parent: true }),
    ...(flags.bool('no-default-policy') && { no_default_policy: true }),
    renewable: flags.bool('renewable', true),
  }
  return showAnswer(run, await run.client.send('POST', path, data))
}

async function lookup(run: Run): Promise<number> {
  const [given] = run.args
  if (run.flags.bool('accessor')) {
    if (given === undefined) throw new UsageError('give the accessor')
    return showAnswer(run, await run.client.send('POST', 'auth/token/lookup-accessor', { accessor: given }))
  }
  if (given === undefined) return showAnswer(run, await run.client.send('GET', 'auth/token/lookup-self'))
  return showAnswer(run, await run.client.send('POST', 'auth/token/lookup', { token: given }))
}

async function renew(run: Run): Promise<number> {
  const [given] = run.args
  const increment = run.flags.has('increment') ? { increment: run.flags.text('increment') } : {}
  if (run.flags.bool('accessor'))
    return showAnswer(
      run,
      await run.client.send('POST', 'auth/token/renew-accessor', { accessor: given, ...increment }),
    )
  if (given === undefined) return showAnswer(run, await run.client.send('PUT', 'auth/token/renew-self', increment))
  return showAnswer(run, await run.client.send('PUT', 'auth/token/renew', { token: given, ...increment }))
}

async function revoke(run: Run): Promise<number> {
  const { flags, client } = run
  const [given] = run.args
  const [self, accessor, mode] = [flags.bool('self'), flags.bool('accessor'), flags.text('mode') ?? '']
  if (self && (given !== undefined || accessor)) throw new UsageError('-self takes neither a token nor -accessor')
  if (!self && given === undefined) throw new UsageError('give the token, or -self')
  if (!['', 'orphan', 'path'].includes(mode)) throw new UsageError('the mode is "orphan" or "path"')
  if (self) await client.send('PUT', 'auth/token/revoke-self')
  else if (accessor) await client.send('PUT', 'auth/token/revoke-accessor', { accessor: given })
  else if (mode === 'orphan') await client.send('PUT', 'auth/token/revoke-orphan', { token: given })
  else if (mode === 'path') await client.send('PUT', `sys/leases/revoke-prefix/${given}`)
  else await client.send('PUT', 'auth/token/revoke', { token: given })
  run.out('Success! Revoked token (if it existed)\n')
  return 0
}

async function capabilities(run: Run): Promise<number> {
  const [first = '', second] = run.args
  const path = second ?? first
  const { body } =
    second === undefined
      ? await run.client.send('POST', 'sys/capabilities-self', { paths: [path] })
      : run.flags.bool('accessor')
        ? await run.client.send('POST', 'sys/capabilities-accessor', { accessor: first, paths: [path] })
        : await run.client.send('POST', 'sys/capabilities', { token: first, paths: [path] })
  const found = [...((body?.['data'] as Record<string, readonly string[]> | undefined)?.[path] ?? [])].sort()
  if (run.format === 'table') run.out(`${found.join(', ')}\n`)
  else showValue(run, found)
  return 0
}

const accessor = { accessor: { kind: 'bool', about: 'The argument is an accessor.' } } as const

/** `token …`. */
export const tokenCommands: readonly Command[] = [
  {
    name: 'token create',
    about: 'Create a token',
    args: [0, 0],
    flags: {
      policy: { kind: 'texts', about: 'A policy; can be repeated.' },
      metadata: { kind: 'pairs', about: 'name=value, shown in audit lines; can be repeated.' },
      ttl: { kind: 'duration', about: 'How long it lives.' },
      'explicit-max-ttl': { kind: 'duration', about: 'It ends after this, renewed or not.' },
      period: { kind: 'duration', about: 'Every renewal gives this TTL, for ever.' },
      type: { kind: 'text', about: 'service or batch.' },
      'display-name': { kind: 'text', about: 'Shown in audit lines.' },
      id: { kind: 'text', about: 'The token itself; root only.' },
      'entity-alias': { kind: 'text', about: 'Needs a role that allows it.' },
      'use-limit': { kind: 'int', about: 'How often it can be used.' },
      orphan: { kind: 'bool', about: 'Without a parent.' },
      'no-default-policy': { kind: 'bool', about: 'Without the default policy.' },
      renewable: { kind: 'bool', about: 'It can be renewed.' },
      role: { kind: 'text', about: 'The role to create through.' },
    },
    run: create,
  },
  {
    name: 'token lookup',
    about: 'Show what a token is',
    usage: '[TOKEN | ACCESSOR]',
    args: [0, 1],
    flags: accessor,
    run: lookup,
  },
  {
    name: 'token renew',
    about: 'Renew a token',
    usage: '[TOKEN]',
    args: [0, 1],
    flags: {
      ...accessor,
      increment: { kind: 'duration', about: 'The TTL wished for.' },
      i: { kind: 'duration', about: 'The same.' },
    },
    run: renew,
  },
  {
    name: 'token revoke',
    about: 'Revoke a token and its children',
    usage: '[TOKEN | ACCESSOR]',
    args: [0, 1],
    flags: {
      ...accessor,
      self: { kind: 'bool', about: "One's own." },
      mode: { kind: 'text', about: 'orphan or path.' },
    },
    run: revoke,
  },
  {
    name: 'token capabilities',
    about: 'What a token may do on a path',
    usage: '[TOKEN] PATH',
    args: [1, 2],
    flags: accessor,
    run: capabilities,
  },
]
