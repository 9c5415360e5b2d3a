import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { orNothing } from '../generic/generic.ts'
import { during, locate, mountFlag, refuseVersion1, refuseVersionFlag } from './path.ts'
import { mountPath } from '../../http/paths.ts'
import { nothingAt, showResponse } from '../../output/show.ts'

/** `-versions=1,2` or `-versions=1 -versions=2`, in the API's form. */
function versionsOf(run: Run): readonly string[] {
  return run.flags
    .strings('versions')
    .flatMap((text) => text.split(','))
    .map((text) => text.trim())
    .filter((text) => text !== '')
}

function versionsNeeded(run: Run): readonly string[] {
  const versions = versionsOf(run)
  if (versions.length === 0) throw new UsageError('give the versions with -versions=1,2')
  return versions
}

async function remove(run: Run): Promise<number> {
  const versions = run.flags.has('versions') ? versionsNeeded(run) : []
  const place = await locate(run)
  refuseVersionFlag(run, place, 'versions')
  const path = place.version === 1 ? place.path : place.at('data')
  const pending =
    place.version === 2 && versions.length > 0
      ? run.client.send('PUT', place.at('delete'), { versions })
      : run.client.send('DELETE', path)
  const { body } = await during(`deleting ${path}`, pending)
  return showResponse(run, body, `Success! Data deleted (if it existed) at: ${path}`)
}

async function onVersions(run: Run, side: 'undelete' | 'destroy', word: string): Promise<number> {
  const versions = versionsNeeded(run)
  const place = await locate(run)
  if (place.version === 1) return refuseVersion1(run, `${word} not supported on KV Version 1`, 1)
  const path = place.at(side)
  const { body } = await during(`writing data to ${path}`, run.client.send('PUT', path, { versions }))
  return showResponse(run, body, `Success! Data written to: ${path}`)
}

async function rollback(run: Run): Promise<number> {
  const version = run.flags.int('version') ?? 0
  if (version < 1) throw new UsageError('give the version to restore with -version=N')
  const place = await locate(run)
  if (place.version === 1) return refuseVersion1(run, 'K/V engine mount must be version 2 for rollback support')
  const path = place.at('data')
  const read = async (query: Json): Promise<Json | undefined> =>
    (await during(`reading ${path}`, orNothing(run, run.client.ask('data', 'GET', path, undefined, { query }))))?.[
      'data'
    ] as Json | undefined
  const newest = await read({})
  if (!newest) return nothingAt(run, path)
  const wanted = await read({ version })
  if (!wanted) return nothingAt(run, path)
  if (!wanted['data']) {
    run.err(`This secret cannot be restored to version ${version}, because that version was deleted or destroyed.`)
    return 2
  }
  // Only if the version is still the newest: a write in between must not get lost.
  const cas = (newest['metadata'] as Json | undefined)?.['version']
  const pending = run.client.ask('data', 'PUT', path, { data: wanted['data'], options: { cas } })
  return showResponse(run, await during(`writing data to ${path}`, pending))
}

async function enableVersioning(run: Run): Promise<number> {
  const path = mountPath(run.args[0] ?? '')
  await during(
    `tuning secrets engine ${path}`,
    run.client.send('POST', `sys/mounts/${path}tune`, { options: { version: '2' } }),
  )
  run.out(`Success! Tuned the secrets engine at: ${path}\n`)
  return 0
}

const versions = { versions: { kind: 'strings', about: 'The versions, separated by commas.' } } as const

/** `kv delete`, `undelete`, `destroy`, `rollback`, `enable-versioning`. */
export const kvCommands: readonly Command[] = [
  {
    name: 'kv delete',
    about: 'Delete the newest or the given versions of a secret; undelete restores them',
    usage: 'PATH',
    args: [1, 1],
    flags: { ...mountFlag, ...versions },
    shows: ['field', 'format'],
    run: remove,
  },
  {
    name: 'kv undelete',
    about: 'Restore deleted versions',
    usage: 'PATH',
    args: [1, 1],
    flags: { ...mountFlag, ...versions },
    shows: ['format'],
    run: async (run) => onVersions(run, 'undelete', 'Undelete'),
  },
  {
    name: 'kv destroy',
    about: 'Permanently delete versions',
    usage: 'PATH',
    args: [1, 1],
    flags: { ...mountFlag, ...versions },
    shows: ['format'],
    run: async (run) => onVersions(run, 'destroy', 'Destroy'),
  },
  {
    name: 'kv rollback',
    about: 'Write an old version again as the newest version',
    usage: 'PATH',
    args: [1, 1],
    flags: { ...mountFlag, version: { kind: 'int', about: 'The version to restore.' } },
    shows: ['field', 'format'],
    run: rollback,
  },
  {
    name: 'kv enable-versioning',
    about: 'Turn a version 1 store into a version 2 store',
    usage: 'MOUNT',
    args: [1, 1],
    run: enableVersioning,
  },
]
