import type { Json } from '../../../util/json.ts'
import type { Command, Run } from '../../framework/command.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { orNothing } from '../generic/generic.ts'
import { during, locate, mountFlag, refuseVersion1 } from './path.ts'
import type { SecretLocation } from './path.ts'
import { showMetadata, showSections } from './show.ts'
import { nothingAt, showResponse } from '../../output/show.ts'

/** The path of the secret, or undefined (with a message) if there is no metadata. */
async function versioned(run: Run): Promise<SecretLocation | undefined> {
  const place = await locate(run)
  if (place.version === 2) return place
  refuseVersion1(run, 'Metadata not supported on KV Version 1')
  return undefined
}

async function get(run: Run): Promise<number> {
  const place = await versioned(run)
  if (!place) return 1
  const path = place.at('metadata')
  const body = await during(`reading ${path}`, orNothing(run, run.client.ask('data', 'GET', path)))
  if (!body) return nothingAt(run, path)
  if (run.format !== 'table' || body['wrap_info']) return showResponse(run, body)
  const { versions = {}, ...metadata } = (body['data'] ?? {}) as Json
  showMetadata(run, 'Metadata Path', path, metadata)
  const numbers = Object.keys(versions as Json).sort((a, b) => Number(a) - Number(b))
  for (const number of numbers) {
    run.out('\n')
    showSections(run, [{ heading: `Version ${number}`, rows: (versions as Json)[number] as Json }])
  }
  return 0
}

function settings(run: Run, removed: readonly string[]): Json {
  const { flags } = run
  const custom = { ...flags.pairs('custom-metadata'), ...Object.fromEntries(removed.map((name) => [name, null])) }
  return {
    ...(flags.has('max-versions') && { max_versions: flags.int('max-versions') }),
    ...(flags.has('cas-required') && { cas_required: flags.bool('cas-required') }),
    ...(flags.has('delete-version-after') && { delete_version_after: flags.string('delete-version-after') }),
    ...(Object.keys(custom).length > 0 && { custom_metadata: custom }),
  }
}

async function write(run: Run, method: 'PUT' | 'PATCH'): Promise<number> {
  const place = await versioned(run)
  if (!place) return 1
  const path = place.at('metadata')
  const data = settings(run, run.flags.strings('remove-custom-metadata'))
  const { body } = await during(`writing data to ${path}`, run.client.send(method, path, data))
  return showResponse(run, body, `Success! Data written to: ${path}`)
}

async function remove(run: Run): Promise<number> {
  const place = await versioned(run)
  if (!place) return 1
  const path = place.at('metadata')
  const { body } = await during(`deleting ${path}`, run.client.send('DELETE', path))
  return showResponse(run, body, `Success! Data deleted (if it existed) at: ${path}`)
}

const settingFlags: FlagTable = {
  ...mountFlag,
  'max-versions': { kind: 'int', about: 'The number of versions to keep.' },
  'cas-required': { kind: 'bool', about: 'Require -cas for every write.' },
  'delete-version-after': { kind: 'duration', about: 'Delete versions this long after they were written.' },
  'custom-metadata': { kind: 'pairs', about: 'Custom metadata; can be repeated.' },
}

/** `kv metadata …`. */
export const kvCommands: readonly Command[] = [
  {
    name: 'kv metadata get',
    about: 'Show the settings and versions of a secret',
    usage: 'PATH',
    args: [1, 1],
    flags: mountFlag,
    shows: ['format'],
    run: get,
  },
  {
    name: 'kv metadata put',
    about: 'Replace the settings of a secret',
    usage: 'PATH',
    args: [1, 1],
    flags: settingFlags,
    shows: ['format'],
    run: async (run) => write(run, 'PUT'),
  },
  {
    name: 'kv metadata patch',
    about: 'Change some settings of a secret',
    usage: 'PATH',
    args: [1, 1],
    flags: {
      ...settingFlags,
      'remove-custom-metadata': { kind: 'strings', about: 'The name of custom metadata to remove; can be repeated.' },
    },
    shows: ['format'],
    run: async (run) => write(run, 'PATCH'),
  },
  {
    name: 'kv metadata delete',
    about: 'Permanently delete a secret with all its versions',
    usage: 'PATH',
    args: [1, 1],
    flags: mountFlag,
    shows: ['format'],
    run: remove,
  },
]
