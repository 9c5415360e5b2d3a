import { answer } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Route } from '../../../../contract/route.ts'
import { folderOf, listed, page, path, scanned } from '../../names.ts'
import { place, secretFolder } from '../places.ts'
import { secretView } from '../record.ts'
import type { SecretRecord } from '../record.ts'
import type { Secrets } from '../secrets.ts'

const { list, scan } = routesOf<Secrets>()

type Shown = (secrets: Secrets, folder: string, keys: readonly string[]) => Promise<Readonly<Record<string, unknown>>>

const names: Shown = async (_secrets, _folder, keys) => ({ keys })

/** The names with each secret's metadata. */
const details: Shown = async ({ view }, folder, keys) => {
  const info: [string, unknown][] = []
  for (const key of keys) {
    const secret = key.endsWith('/') ? undefined : await view.get<SecretRecord>(place(folder + key))
    info.push([key, secret ? secretView(secret) : {}])
  }
  return { keys, key_info: Object.fromEntries(info) }
}

/** LIST and SCAN of `metadata/` and `detailed-metadata/`. */
export const listRoutes = [
  ...listsAt('metadata', names),
  ...listsAt('metadata/*path', names),
  ...listsAt('detailed-metadata', details),
  ...listsAt('detailed-metadata/*path', details),
]

function listsAt(pattern: string, shown: Shown): Route<Secrets>[] {
  return [
    list(pattern, {
      about: 'List the names in a folder.',
      fields: { ...path, ...page },
      handle: async ({ engine }, { path: wanted, ...part }) => {
        const folder = folderOf(wanted)
        return answer(await shown(engine, folder, await listed(engine.view, secretFolder + folder, part)))
      },
    }),
    scan(pattern, {
      about: 'List every name below a folder.',
      fields: path,
      handle: async ({ engine }, { path: wanted }) => {
        const folder = folderOf(wanted)
        const keys = await scanned(engine.view, secretFolder + folder)
        return answer(keys.length > 0 ? await shown(engine, folder, keys) : {})
      },
    }),
  ]
}
