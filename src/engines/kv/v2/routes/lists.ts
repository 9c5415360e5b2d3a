import { answer } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call, Route } from '../../../../contract/route.ts'
import { folderOf, listed, page, path, scanned } from '../../names.ts'
import { recordName, secretFolder } from '../record-names.ts'
import { secretView } from '../record.ts'
import type { Secrets } from '../secrets.ts'
import { secretShape } from '../record.ts'

const { list, scan } = routesOf<Secrets>()

type Listing = Pick<Call<Secrets>, 'engine' | 'caller' | 'mountPath'>
type Shown = (call: Listing, folder: string, keys: readonly string[]) => Promise<Readonly<Record<string, unknown>>>

const names: Shown = async (_call, _folder, keys) => ({ keys })

/** The names with the metadata of each secret, unless the caller is denied it. */
const details: Shown = async ({ engine: { view }, caller, mountPath }, folder, keys) => {
  const info: [string, unknown][] = []
  for (const key of keys) {
    const hidden = key.endsWith('/') || caller.denies(`${mountPath}metadata/${folder}${key}`)
    const secret = hidden ? undefined : await view.get(recordName(folder + key), secretShape)
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
      handle: async (call, { path: wanted, ...part }) => {
        const folder = folderOf(wanted)
        return answer(await shown(call, folder, await listed(call.engine.view, secretFolder + folder, part)))
      },
    }),
    scan(pattern, {
      about: 'List every name below a folder.',
      fields: path,
      handle: async (call, { path: wanted }) => {
        const folder = folderOf(wanted)
        const keys = await scanned(call.engine.view, secretFolder + folder)
        return answer(keys.length > 0 ? await shown(call, folder, keys) : {})
      },
    }),
  ]
}
