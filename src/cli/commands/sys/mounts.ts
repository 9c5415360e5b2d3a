import { setTimeout as pause } from 'node:timers/promises'
import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { ServerError } from '../../http/errors.ts'
import { enableFlags, lockout, lockoutFlags, options, settings, tuneFlags } from './mount-flags.ts'
import { listMounts } from './mount-table.ts'
import { mountPath } from '../../http/paths.ts'
import { textOf } from '../../output/table.ts'

/** Secrets engines and auth methods are managed alike; these are the differences. */
interface MountKind {
  /** The first word of the commands. */
  readonly word: 'secrets' | 'auth'
  readonly api: 'sys/mounts' | 'sys/auth'
  /** `secrets engine`. */
  readonly one: string
  /** The noun for an enabled mount of this type. */
  readonly enabled: (type: string) => string
  readonly enabling: (type: string) => string
  /** Where a mount's settings are. */
  readonly tunePath: (path: string) => string
}

async function enable(run: Run, kind: MountKind): Promise<number> {
  const { flags } = run
  const [word = ''] = run.args
  const type = (word === 'plugin' && flags.string('plugin-name')) || word
  const path = mountPath(flags.string('path') || type)
  await run.client.send('POST', `${kind.api}/${path.slice(0, -1)}`, {
    type,
    description: flags.string('description') ?? '',
    config: {
      ...settings(flags),
      ...(flags.has('force-no-cache') && { force_no_cache: flags.bool('force-no-cache') }),
    },
    ...options(flags),
    local: flags.bool('local'),
    seal_wrap: flags.bool('seal-wrap'),
    external_entropy_access: flags.bool('external-entropy-access'),
  })
  run.out(`Success! Enabled ${kind.enabled(type)} at: ${path}\n`)
  return 0
}

async function disable(run: Run, kind: MountKind): Promise<number> {
  const path = mountPath(run.args[0] ?? '')
  await run.client.send('DELETE', `${kind.api}/${path.slice(0, -1)}`)
  run.out(`Success! Disabled the ${kind.one} (if it existed) at: ${path}\n`)
  return 0
}

async function tune(run: Run, kind: MountKind): Promise<number> {
  const path = mountPath(run.args[0] ?? '')
  const description = run.flags.string('description')
  await run.client.send('POST', kind.tunePath(path), {
    ...settings(run.flags),
    ...(kind.word === 'auth' && lockout(run.flags)),
    ...(description !== undefined && { description }),
    ...options(run.flags),
  })
  run.out(`Success! Tuned the ${kind.one} at: ${path}\n`)
  return 0
}

async function move(run: Run, kind: MountKind): Promise<number> {
  const [from = '', to = ''] = run.args.map(mountPath)
  const body = await run.client.ask('migration_id', 'POST', 'sys/remount', {
    from: from.slice(0, -1),
    to: to.slice(0, -1),
  })
  const id = textOf((body['data'] as Json | undefined)?.['migration_id'])
  run.out(`Started moving ${kind.one} ${from} to ${to}, with migration ID ${id}\n`)
  await finished(run, id, `${from} to ${to}`)
  run.out(`Success! Finished moving ${kind.one} ${from} to ${to}, with migration ID ${id}\n`)
  return 0
}

async function finished(run: Run, id: string, what: string): Promise<void> {
  for (;;) {
    const body = await run.client.ask('migration_info', 'GET', `sys/remount/status/${id}`)
    const info = ((body['data'] as Json | undefined)?.['migration_info'] ?? {}) as Json
    if (info['status'] === 'failure') throw new ServerError(`moving ${what} failed: see the server's log`)
    if (info['status'] !== 'in-progress') return
    await pause(500)
  }
}

/** The commands of one kind of mounts. */
export function mountCommands(kind: MountKind): readonly Command[] {
  const { word, one } = kind
  const article = /^[aeiou]/.test(one) ? 'an' : 'a'
  const first = (run: Run): string => mountPath(run.args[0] ?? '')
  return [
    {
      name: `${word} list`,
      about: `List the ${one}s`,
      args: [0, 0],
      shows: ['format', 'detailed'],
      doing: `listing ${one}s`,
      run: async (run) => listMounts(run, kind),
    },
    {
      name: `${word} enable`,
      about: `Enable ${article} ${one}`,
      usage: 'TYPE',
      args: [1, 1],
      flags: enableFlags,
      doing: (run) => kind.enabling(run.args[0] ?? ''),
      run: async (run) => enable(run, kind),
    },
    {
      name: `${word} disable`,
      about: `Disable ${article} ${one} and remove its data`,
      usage: 'PATH',
      args: [1, 1],
      doing: (run) => `disabling ${one} at ${first(run)}`,
      run: async (run) => disable(run, kind),
    },
    {
      name: `${word} tune`,
      about: `Change the settings of ${article} ${one}`,
      usage: 'PATH',
      args: [1, 1],
      flags: word === 'auth' ? { ...tuneFlags, ...lockoutFlags } : tuneFlags,
      doing: (run) => `tuning ${one} ${first(run)}`,
      run: async (run) => tune(run, kind),
    },
    {
      name: `${word} move`,
      about: `Move ${article} ${one} to another path`,
      usage: 'FROM TO',
      args: [2, 2],
      doing: (run) => `moving ${one} ${first(run)} to ${mountPath(run.args[1] ?? '')}`,
      run: async (run) => move(run, kind),
    },
  ]
}
