import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { orNothing, pageFlags, pageOf, showList } from '../generic/generic.ts'
import { UsageError } from '../../framework/flags.ts'
import { during, locate, mountFlag, refuseVersion1, refuseVersionFlag } from './path.ts'
import type { SecretLocation } from './path.ts'
import { nothingAt, showResponse, showField, showWarnings } from '../../output/show.ts'
import { showMetadata, showSections } from './show.ts'
import { fieldOf } from '../../output/format.ts'

async function put(run: Run): Promise<number> {
  const data = await inputOf(run, run.args.slice(1))
  const options = casOf(run)
  const place = await locate(run)
  refuseVersionFlag(run, place, 'cas')
  if (place.version === 1) {
    const { body } = await during(`writing data to ${place.path}`, run.client.send('PUT', place.path, data))
    return showResponse(run, body, `Success! Data written to: ${place.path}`)
  }
  const path = place.at('data')
  const pending = run.client.ask('data', 'PUT', path, { data, options })
  const body = await during(`writing data to ${path}`, pending)
  await warnOfDropped(run, path, data, body)
  return showVersion(run, path, body)
}

/** The version in `-cas`. @throws UsageError for other values: without the check the write would replace any version */
function casOf({ flags }: Run): { readonly cas?: number } {
  const cas = flags.int('cas')
  if (cas === undefined) return {}
  if (cas < 0) throw new UsageError(`-cas=${cas} is not a version: leave out -cas to write without a check`)
  return { cas }
}

/** A put replaces the whole secret: lists the removed keys of the previous version, if this token may read it. */
async function warnOfDropped(run: Run, path: string, data: Json, body: Json): Promise<void> {
  const before = Number((body['data'] as Json | undefined)?.['version']) - 1
  if (!(before > 0)) return
  const read = run.client.send('GET', path, undefined, { query: { version: before }, evenInDryRun: true })
  // The write is complete even if this read fails: a warning must not look like a failure.
  const response = await read.catch(() => undefined)
  const old = (response?.body?.['data'] as { readonly data?: Json | null } | undefined)?.data ?? {}
  const dropped = Object.keys(old).filter((key) => !Object.hasOwn(data, key))
  if (dropped.length === 0) return
  run.err(
    `Version ${before} also contained ${dropped.map((key) => JSON.stringify(key)).join(', ')}: a put replaces the complete secret. ` +
      `Use "kv patch" to change some keys; "kv rollback -version=${before}" restores that version.`,
  )
}

/** Writes a version and shows its metadata. */
async function writeVersion(run: Run, place: SecretLocation, method: 'PUT' | 'PATCH', data: Json): Promise<number> {
  const path = place.at('data')
  const body = await during(`writing data to ${path}`, run.client.ask('data', method, path, data))
  return showVersion(run, path, body)
}

async function showVersion(run: Run, path: string, body: Json): Promise<number> {
  if (run.format !== 'table' || run.flags.string('field') || body['wrap_info']) return showResponse(run, body)
  showWarnings(run, body)
  showMetadata(run, 'Secret Path', path, (body['data'] ?? {}) as Json)
  return 0
}

async function get(run: Run): Promise<number> {
  const version = run.flags.int('version') ?? 0
  if (version < 0) throw new UsageError(`-version=${version} is not a version: leave it out for the newest version`)
  const place = await locate(run)
  refuseVersionFlag(run, place, 'version')
  const path = place.version === 1 ? place.path : place.at('data')
  const pending = run.client.ask('data', 'GET', path, undefined, { query: version > 0 ? { version } : {} })
  const response = await during(`reading ${path}`, orNothing(run, pending))
  if (!response) return nothingAt(run, path)
  return place.version === 1 ? showPlain(run, response) : showSecret(run, path, response)
}

async function showPlain(run: Run, body: Json): Promise<number> {
  if (run.format !== 'table' || run.flags.string('field') || body['wrap_info']) return showResponse(run, body)
  showWarnings(run, body)
  showSections(run, [{ heading: 'Data', rows: (body['data'] ?? {}) as Json }])
  return 0
}

async function showSecret(run: Run, path: string, body: Json): Promise<number> {
  const field = run.flags.string('field') ?? ''
  if (body['wrap_info']) return showResponse(run, body)
  const { data, metadata } = (body['data'] ?? {}) as { readonly data?: Json | null; readonly metadata?: Json }
  if (field !== '') {
    if (!data) {
      run.err(`No data found at ${path}`)
      return 2
    }
    // A key named "data" takes precedence over the whole.
    return showField(run, fieldOf({ data }, field), field)
  }
  if (run.format !== 'table') return showResponse(run, body)
  showWarnings(run, body)
  showMetadata(run, 'Secret Path', path, metadata)
  run.out('\n')
  if (data) showSections(run, [{ heading: 'Data', rows: data }])
  return 0
}

const methods = ['', 'patch', 'rw']

async function patch(run: Run): Promise<number> {
  const method = run.flags.string('method') ?? ''
  if (!methods.includes(method))
    throw new UsageError(
      `Unsupported method provided to -method flag: ${method}\n  next: leave it out, or give patch or rw`,
    )
  const removed = run.flags.strings('remove-data')
  const input = await inputOf(run, run.args.slice(1))
  const both = removed.find((key) => Object.hasOwn(input, key))
  if (both !== undefined) throw new UsageError(`${both} cannot be set and removed at once`)
  const data = { ...input, ...Object.fromEntries(removed.map((key) => [key, null])) }
  if (Object.keys(data).length === 0) throw new UsageError('Not enough arguments: give K=V, or -remove-data=K')
  const options = casOf(run)
  const place = await locate(run)
  if (place.version === 1) return refuseVersion1(run, 'K/V engine mount must be version 2 for patch support')
  if (method === 'rw') return readAndWrite(run, place, data, options)
  try {
    return await writeVersion(run, place, 'PATCH', { data, options })
  } catch (thrown) {
    const mayRead = thrown instanceof ServerError && [403, 405].includes(thrown.status) && method === ''
    if (!mayRead) throw thrown
    run.err('This token may not patch: the secret is read and written instead.')
    return readAndWrite(run, place, data, options)
  }
}

/** A patch for callers who may read and write, but not patch. Check-and-set protects concurrent writes. */
async function readAndWrite(
  run: Run,
  place: SecretLocation,
  changes: Json,
  { cas }: { readonly cas?: number },
): Promise<number> {
  const path = place.at('data')
  const response = await during(`reading ${path}`, orNothing(run, run.client.ask('data', 'GET', path)))
  const { data, metadata } = (response?.['data'] ?? {}) as { readonly data?: Json; readonly metadata?: Json }
  if (!data) return nothingAt(run, path)
  const merged = Object.fromEntries(Object.entries({ ...data, ...changes }).filter(([, value]) => value !== null))
  return writeVersion(run, place, 'PUT', { data: merged, options: { cas: cas ?? metadata?.['version'] } })
}

async function list(run: Run, verb: 'list' | 'scan'): Promise<number> {
  const place = await locate(run)
  const path = place.version === 1 ? place.path : place.at('metadata')
  const response = await during(
    `listing ${path}`,
    orNothing(run, run.client.ask('data', 'GET', path, undefined, { query: { [verb]: true, ...pageOf(run) } })),
  )
  return showList(run, path, response)
}

const cas = {
  cas: { kind: 'int', about: 'Check-and-set: write only if this is the current version; 0 writes only a new secret.' },
} as const

/** `kv put`, `get`, `patch`, `list`. */
export const kvCommands: readonly Command[] = [
  {
    name: 'kv put',
    about: 'Write a secret; in a version 2 store as a new version',
    usage: 'PATH K=V …',
    args: [2, Infinity],
    flags: { ...mountFlag, ...cas },
    shows: ['field', 'format'],
    run: put,
  },
  {
    name: 'kv get',
    about: 'Read a secret',
    usage: 'PATH',
    args: [1, 1],
    flags: {
      ...mountFlag,
      version: { kind: 'int', about: 'The version (default: the newest).', mayBeEmpty: true },
    },
    shows: ['field', 'format'],
    run: get,
  },
  {
    name: 'kv patch',
    about: 'Change some keys of a secret',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    flags: {
      ...mountFlag,
      ...cas,
      'remove-data': { kind: 'strings', about: 'A key to remove; can be repeated.' },
      method: {
        kind: 'string',
        about:
          'patch: let the server patch; rw: read, change and write. By default patch, and rw where patching is not allowed.',
        mayBeEmpty: true,
      },
    },
    shows: ['field', 'format'],
    run: patch,
  },
  {
    name: 'kv list',
    about: 'List secrets',
    usage: '[PATH]',
    args: [0, 1],
    flags: { ...mountFlag, ...pageFlags },
    shows: ['format', 'detailed'],
    run: async (run) => list(run, 'list'),
  },
  {
    name: 'kv scan',
    about: 'List all secrets below a path',
    usage: '[PATH]',
    args: [0, 1],
    flags: { ...mountFlag, ...pageFlags },
    shows: ['format', 'detailed'],
    run: async (run) => list(run, 'scan'),
  },
]
