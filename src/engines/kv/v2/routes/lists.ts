import { f } from '../../../../contract/field.ts'
import type { Fields } from '../../../../contract/field.ts'
import { answer } from '../../../../contract/response.ts'
import { keys } from '../../../../contract/wire/returns.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Call, Route } from '../../../../contract/route.ts'
import { namesIn, pageFields } from '../../../../contract/wire/page.ts'
import { folderOf, path, scanned } from '../../names.ts'
import { recordName, secretFolder } from '../record-names.ts'
import { secretView } from '../record.ts'
import type { Secrets } from '../secrets.ts'
import { secretShape } from '../record.ts'

const { list, scan } = routesOf<Secrets>()

type Listing = Pick<Call<Secrets>, 'engine' | 'caller' | 'mountPath'>
type Details = (call: Listing, folder: string, keys: readonly string[]) => Promise<Readonly<Record<string, unknown>>>

const names: Details = async (_call, _folder, found) => ({ keys: found })

/** The names with the metadata of each secret, unless the caller is denied it. */
const details: Details = async ({ engine: { view }, caller, mountPath }, folder, found) => {
  const info: [string, unknown][] = []
  for (const key of found) {
    const hidden = key.endsWith('/') || caller.denies(`${mountPath}metadata/${folder}${key}`)
    const secret = hidden ? undefined : await view.get(recordName(folder + key), secretShape)
    info.push([key, secret ? secretView(secret) : {}])
  }
  return { keys: found, key_info: Object.fromEntries(info) }
}

const named = keys('The names; those of folders end in a slash.')
const detailed = { ...named, key_info: f.object('The metadata of each secret, by its name.') }

/** LIST and SCAN of `metadata/` and `detailed-metadata/`. */
export const listRoutes = [
  ...listsAt('metadata', names, named),
  ...listsAt('metadata/*path', names, named),
  ...listsAt('detailed-metadata', details, detailed),
  ...listsAt('detailed-metadata/*path', details, detailed),
]

function listsAt(pattern: string, detailsOf: Details, returns: Fields): Route<Secrets>[] {
  return [
    list(pattern, {
      about: 'List the names in a folder.',
      returns,
      fields: { ...path, ...pageFields },
      handle: async (call, { path: wanted, ...part }) => {
        const folder = folderOf(wanted)
        return answer(
          await detailsOf(
            call,
            folder,
            await namesIn(call.engine.view, secretFolder + folder, 'nothing to list', part),
          ),
        )
      },
    }),
    scan(pattern, {
      about: 'List every name below a folder.',
      returns,
      fields: path,
      handle: async (call, { path: wanted }) => {
        const folder = folderOf(wanted)
        const found = await scanned(call.engine.view, secretFolder + folder)
        return answer(found.length > 0 ? await detailsOf(call, folder, found) : {})
      },
    }),
  ]
}
