import { Fault, refuse } from '../../contract/fault.ts'
import { f, pathForms } from '../../contract/field.ts'
import { apiPathOf } from '../../contract/mount.ts'
import type { MountRecord } from '../../contract/mount.ts'
import { apiPath } from '../../contract/request.ts'
import { answer } from '../../contract/response.ts'
import { injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'

/** The mount table, for moves. */
export interface RemountPort {
  /** The mount of a path (longest match). */
  holding(apiPath: string): MountRecord | undefined
  /** @throws Fault invalid_request if the new path is taken. */
  move(from: string, to: string): Promise<void>
  readonly uuid: () => string
}

interface Migration {
  readonly source_mount: string
  readonly target_mount: string
  readonly status: 'in-progress' | 'success' | 'failure'
}

type Has = { readonly mounts: RemountPort }
const { read, write } = routesOf<Has>()
const reserved = ['sys/', 'audit/', 'cubbyhole/', 'identity/']
/** The number of outcomes kept for `remount/status`. */
const remembered = 1000

/**
 * `sys/remount`: moves a mount with its data to another path of its namespace. Complete before the response; its status can be
 * read afterwards.
 */
export function remountRoutes(): Route<Has>[] {
  /** By namespace and id: moves are visible only in their namespace. */
  const migrations = new Map<string, Migration>()
  return [
    write('remount', {
      about: 'Move a mount to another path.',
      returns: injected({ migration_id: f.string('Reads the status.') }),
      access: 'sudo',
      fields: {
        from: f.string('Path of the mount now.').reads(pathForms).or(''),
        to: f.string('Its new path.').reads(pathForms).or(''),
      },
      handle: async ({ engine: { mounts }, caller, request }, { from, to }) => {
        const [source, target] = checked(mounts, from, to)
        if ([source, target].some((path) => tablePaths(path).some((at) => caller.denies(at))))
          throw new Fault('permission_denied', 'permission denied')
        await mounts.move(source, target)
        const id = mounts.uuid()
        migrations.set(request.namespace + id, { source_mount: source, target_mount: target, status: 'success' })
        for (const [oldest] of migrations) if (migrations.size > remembered) migrations.delete(oldest)
        return {
          ...answer({ migration_id: id }, ['The mount was moved; its status can be read at sys/remount/status/.']),
        }
      },
    }),
    read('remount/status/:id', {
      about: 'The status of a move.',
      returns: {
        migration_id: f.string('The id that moving returned.'),
        migration_info: f.map('`source_mount`, `target_mount` and `status`.'),
      },
      fields: { id: f.string('The migration_id.').or('') },
      handle: ({ request }, { id }) => {
        const migration = migrations.get(request.namespace + id)
        if (!migration) throw new Fault('not_found', 'no such migration')
        return answer({ migration_id: id, migration_info: migration })
      },
    }),
  ]
}

/** Where a mount is disabled at one path and enabled at another. */
function tablePaths(mount: string): string[] {
  const path = mount.slice(0, -1)
  return [`sys/mounts/${path}`, ...(path.startsWith('auth/') ? [`sys/${path}`] : [])]
}

function checked(mounts: RemountPort, from: string, to: string): readonly [string, string] {
  if (from === '' || to === '') throw refuse('give both "from" and "to", each the path of a mount')
  const [source, target] = [cleaned(from), cleaned(to)]
  const record = mounts.holding(source)
  if (record?.builtin) throw refuse(`cannot remount "${apiPathOf(record)}"`)
  if (record === undefined || apiPathOf(record) !== source) throw refuse(`no matching mount at "${source}"`)
  if (reserved.some((name) => target.startsWith(name)))
    throw refuse(`cannot remount to "${target}": the path is reserved`)
  if (source.startsWith('auth/') !== target.startsWith('auth/'))
    throw refuse('a secrets engine cannot become an auth method, nor the other way round')
  if (target.startsWith(source) || source.startsWith(target))
    throw refuse(`cannot move ${source} to ${target}: neither path may be inside the other`)
  const taken = mounts.holding(target)
  if (taken) throw refuse(`cannot move to ${target}: it is taken by ${apiPathOf(taken)}`)
  if (target === 'auth/') throw refuse('the new path needs a name below auth/')
  return [source, target]
}

function cleaned(path: string): string {
  if (path !== path.trim()) throw refuse('a path cannot begin or end with a space')
  const clean = apiPath(path)
  if (!clean) throw refuse('a path cannot hold empty, "." or ".." segments, or characters that cannot be printed')
  return clean.endsWith('/') ? clean : `${clean}/`
}
