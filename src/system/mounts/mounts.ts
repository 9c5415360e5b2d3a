import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { newPath, withoutSlash } from '../../contract/names.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Alias, Route } from '../../contract/route.ts'
import { mountEntry, mountMembers, tuneEntry, tuneMembers } from './mount-view.ts'
import type { Kind, MountPort } from './mount-port.ts'
import { slashed } from './mount-types.ts'
import { enableFields, enable } from './enable.ts'
import { tuneFields, tune } from './tune.ts'

type Has = { readonly mounts: MountPort }

const { read, write, remove } = routesOf<Has>()

/** `sys/mounts` and `sys/auth`: the table of the namespace, enable, read one, tune, disable. */
export function mountRoutes(): Route<Has>[] {
  return [secrets, auth].flatMap((table) => [...tableRoutes(table), ...tuneRoutes(table)])
}

/** One of the two tables of mounts. */
interface Table {
  readonly kind: Kind
  /** The beginning of its paths. */
  readonly top: string
  readonly plural: string
  readonly access: 'token' | 'sudo'
  /** The other path of a mount: auth methods are read and tuned under two paths, and clients use both. */
  readonly twin: (path: string) => string | undefined
}

const secrets: Table = {
  kind: 'secret',
  top: 'mounts',
  plural: 'secrets engines',
  access: 'token',
  twin: (path) => (path.startsWith('auth/') ? path : undefined),
}

const auth: Table = {
  kind: 'auth',
  top: 'auth',
  plural: 'auth methods',
  access: 'sudo',
  twin: (path) => `mounts/auth/${path}`,
}

const path = { path: enableFields.path }

const canonical = { path: withoutSlash }

function tableRoutes({ kind, top, plural, access, twin }: Table): Route<Has>[] {
  const alias: Alias = ({ path: mount = '' }) => twin(mount)
  const all = (mounts: MountPort) =>
    Object.fromEntries(mounts.list(kind).map((record) => [record.path, mountEntry(record)]))
  return [
    read(top, {
      about: `List the enabled ${plural}.`,
      returns: injected({ '*': f.object('A mount, by its path.') }),
      handle: ({ engine }) => ({ data: all(engine.mounts) }),
    }),
    read(`${top}/*path`, {
      about: `Read one of the ${plural}.`,
      returns: injected(mountMembers),
      access,
      canonical,
      alias,
      fields: path,
      handle: ({ engine }, values) => answer(mountEntry(existing(engine.mounts, kind, values.path))),
    }),
    write(`${top}/*path`, {
      about: `Enable one of the ${plural}.`,
      access,
      canonical: { path: newPath },
      fields: enableFields,
      handle: async ({ engine }, values) => enable(engine.mounts, kind, values),
    }),
    remove(`${top}/*path`, {
      about: `Disable one of the ${plural} and remove all its data.`,
      access,
      canonical,
      fields: path,
      handle: async ({ engine }, values) => disable(engine.mounts, kind, values.path),
    }),
  ]
}

function tuneRoutes({ kind, top, access, twin }: Table): Route<Has>[] {
  const alias: Alias = ({ path: mount = '' }) => {
    const other = twin(mount)
    return other && `${other}/tune`
  }
  return [
    read(`${top}/*path/tune`, {
      about: 'Read the settings in force.',
      returns: injected(tuneMembers),
      access,
      canonical,
      alias,
      fields: path,
      handle: ({ engine: { mounts } }, values) => {
        const record = existing(mounts, kind, values.path)
        return answer(tuneEntry(record, mounts.limits(record).maxTtl, mounts.ttl.default))
      },
    }),
    write(`${top}/*path/tune`, {
      about: 'Change settings.',
      access,
      canonical,
      alias,
      fields: tuneFields,
      handle: async ({ engine: { mounts }, request }, values) =>
        tune(mounts, tunable(mounts, kind, values.path), request.data, values),
    }),
  ]
}

const apiPathAt = (kind: Kind, at: string): string => (kind === 'auth' ? `auth/${slashed(at)}` : slashed(at))

function tunable(mounts: MountPort, kind: Kind, at: string): MountRecord {
  const apiPath = apiPathAt(kind, at)
  const record = mounts.at(apiPath)
  if (!record) throw refuse(`tune of path "${apiPath}" failed: no mount entry found`)
  return record
}

function existing(mounts: MountPort, kind: Kind, at: string): MountRecord {
  const record = mounts.at(apiPathAt(kind, at))
  if (!record)
    throw refuse(
      `No ${kind === 'auth' ? 'auth' : 'secret'} engine mount at ${slashed(at)}; list the mounts with sys/${kind === 'auth' ? 'auth' : 'mounts'}`,
    )
  return record
}

async function disable(mounts: MountPort, kind: Kind, at: string): Promise<Response> {
  const apiPath = apiPathAt(kind, at)
  const record = mounts.at(apiPath)
  if (record?.builtin) throw refuse(`cannot unmount "${apiPath}"`)
  if (record?.kind === kind) await mounts.disable(apiPath)
  return done()
}
