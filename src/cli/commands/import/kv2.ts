import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../../../util/json.ts'
import { systemClock as clock } from '../../../util/clock.ts'
import type { Mounted } from './mounts.ts'
import { each, read, walk } from './servers.ts'
import type { Import } from './servers.ts'

/** A version of a secret: readable, deleted (its data may come back), or destroyed. Trimmed ones count as destroyed. */
type State = 'readable' | 'deleted' | 'destroyed'

interface Metadata {
  readonly current: number
  /** Versions that the server still lists. */
  readonly listed: number
  readonly settings: Json
  /** How often the metadata was changed: a mount may require that a change names it. */
  readonly changes: number
  state(version: number): State
}

/** Versions that the source no longer has are made, empty, and destroyed, so that the others keep their numbers. */
const mostMissing = 10_000
/** Settings of a mount without any. */
const none = { cas_required: false, delete_version_after: '0s', max_versions: 0, metadata_cas_required: false }

/** Secrets of a key/value store of version 2, with the numbers of their versions. An interrupted import is continued. */
export async function importKv2(parts: Import, mount: Mounted): Promise<void> {
  await importSettings(parts, mount.path)
  await each(walk(parts, mount.path, `${mount.path}/metadata`), async (name) => importSecret(parts, mount.path, name))
}

async function importSettings({ source, target, report }: Import, mount: string): Promise<void> {
  const [item, path] = [{ kind: 'mount', path: `${mount}/config` } as const, `${mount}/config`]
  await report.attempt(item, async () => {
    const [theirs = none, ours = none] = [await read(source, path), await read(target, path)]
    if (Object.entries(theirs).every(([name, value]) => String(value) === String(ours[name as 'max_versions']))) return
    await report.import(item, 'settings of the key/value store', async () => target.send('POST', path, theirs))
  })
}

async function importSecret(parts: Import, mount: string, name: string): Promise<void> {
  const { source, target, report } = parts
  const item = { kind: 'secret', path: `${mount}/${name}` } as const
  await report.attempt(item, async () => {
    const theirs = await metadataOf(parts.source, mount, name)
    // It was removed meanwhile.
    if (!theirs) return
    const ours = await metadataOf(target, mount, name)
    const from = ours?.current ?? 0
    if (from > theirs.current) return report.left(item, `the target has ${from} versions, the source ${theirs.current}`)
    if (from > 0 && !(await isSame(parts, dataAt(mount, name, from), ours, theirs, from)))
      return report.left(item, `the target has another value in version ${from}`)
    if (theirs.current - theirs.listed > mostMissing)
      return report.left(
        item,
        `${theirs.current - theirs.listed} of its versions are no longer there: write it by hand`,
      )
    if (ours && isComplete(ours, theirs)) return report.same(item)
    const detail = from === theirs.current ? 'settings and deletions' : `versions ${from + 1} to ${theirs.current}`
    await report.import(item, detail, async () => {
      await prepare(parts, mount, name, theirs)
      for (let version = from + 1; version <= theirs.current; version++) {
        const data =
          theirs.state(version) === 'readable' ? await valueAt(source, dataAt(mount, name, version)) : undefined
        await target.send('POST', `${mount}/data/${name}`, { data: data ?? {}, options: { cas: version - 1 } })
      }
      await finish(parts, mount, name, theirs)
    })
    return undefined
  })
}

interface Version {
  readonly path: string
  readonly version: number
}

const dataAt = (mount: string, name: string, version: number): Version => ({ path: `${mount}/data/${name}`, version })

async function valueAt(client: Import['source'], { path, version }: Version): Promise<unknown> {
  return (await read(client, path, { version }))?.['data'] ?? undefined
}

/** Whether the newest version of the target is the same one of the source, as far as it can still be read. */
async function isSame(
  { source, target }: Import,
  at: Version,
  ours: Metadata | undefined,
  theirs: Metadata,
  version: number,
): Promise<boolean> {
  if (ours?.state(version) !== 'readable' || theirs.state(version) !== 'readable') return true
  const [present, value] = [await valueAt(target, at), await valueAt(source, at)]
  return isDeepStrictEqual(present, value)
}

function isComplete(ours: Metadata, theirs: Metadata): boolean {
  if (ours.current !== theirs.current || !isDeepStrictEqual(ours.settings, theirs.settings)) return false
  for (let version = 1; version <= theirs.current; version++)
    if (ours.state(version) !== theirs.state(version)) return false
  return true
}

/** Until all versions are there, none may be trimmed; when they are deleted is known when they are written. */
async function prepare(parts: Import, mount: string, name: string, { listed, settings }: Metadata): Promise<void> {
  const after = settings['delete_version_after']
  if (listed > 1 || after !== none.delete_version_after)
    await change(parts, mount, name, { max_versions: listed, delete_version_after: after })
}

async function change({ target }: Import, mount: string, name: string, settings: Json): Promise<void> {
  const changes = (await metadataOf(target, mount, name))?.changes ?? 0
  await target.send('POST', `${mount}/metadata/${name}`, { ...settings, metadata_cas: changes })
}

async function finish(parts: Import, mount: string, name: string, theirs: Metadata): Promise<void> {
  const { target } = parts
  const ours = await metadataOf(target, mount, name)
  const wrong = (state: State): number[] =>
    Array.from({ length: theirs.current }, (_, at) => at + 1).filter(
      (version) =>
        theirs.state(version) === state && ours?.state(version) !== state && ours?.state(version) !== 'destroyed',
    )
  const [deleted, destroyed] = [wrong('deleted'), wrong('destroyed')]
  if (deleted.length > 0) await target.send('POST', `${mount}/delete/${name}`, { versions: deleted })
  if (destroyed.length > 0) await target.send('POST', `${mount}/destroy/${name}`, { versions: destroyed })
  if (!isDeepStrictEqual(ours?.settings, theirs.settings)) await change(parts, mount, name, theirs.settings)
}

async function metadataOf(client: Import['source'], mount: string, name: string): Promise<Metadata | undefined> {
  const found = await read(client, `${mount}/metadata/${name}`)
  if (!found) return undefined
  const versions = (found['versions'] ?? {}) as Readonly<Record<string, Json>>
  return {
    current: Number(found['current_version']),
    listed: Object.keys(versions).length,
    settings: Object.fromEntries(
      Object.entries({ ...none, custom_metadata: {} }).map(([setting, usual]) => [setting, found[setting] ?? usual]),
    ),
    changes: Number(found['current_metadata_version'] ?? 0),
    state: (version) => stateOf(versions[String(version)]),
  }
}

function stateOf(version: Json | undefined): State {
  if (!version || version['destroyed'] === true) return 'destroyed'
  const ends = Date.parse(String(version['deletion_time']))
  return Number.isNaN(ends) || ends > clock.now() ? 'readable' : 'deleted'
}
