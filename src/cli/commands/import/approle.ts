import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../../../util/json.ts'
import type { Mounted } from './mounts.ts'
import { list, read } from './servers.ts'
import type { Import } from './servers.ts'

/** Roles of AppRole with their role IDs. No server shows secret IDs again: applications get new ones. */
export async function importRoles({ source, target, report }: Import, { path }: Mounted): Promise<void> {
  const folder = `auth/${path}/role`
  for (const name of await list(source, folder)) {
    const [item, role] = [{ kind: 'role', path: `${folder}/${name}` } as const, `${folder}/${name}`]
    await report.attempt(item, async () => {
      const theirs = await roleAt(source, role)
      // It was removed meanwhile.
      if (!theirs) return
      const ours = await roleAt(target, role)
      if (ours && isDeepStrictEqual(ours, theirs)) report.same(item)
      else if (ours) report.left(item, 'the target has a role of this name with other settings')
      else await report.import(item, 'it needs new secret IDs', async () => target.send('POST', role, theirs))
    })
  }
}

async function roleAt(client: Import['source'], path: string): Promise<Json | undefined> {
  const [role, id] = [await read(client, path), await read(client, `${path}/role-id`)]
  if (!role || !id) return undefined
  const entries = Object.entries({ ...role, ...id }).filter(([, value]) => value !== null)
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
}
