import { f } from '../../../../contract/field.ts'
import { answer } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Json } from '../../../../util/json.ts'
import { path, secretAt } from '../../names.ts'
import { version, versionNumber } from '../input.ts'
import { isObject } from '../merge.ts'
import { versionView } from '../record.ts'
import type { Secrets } from '../secrets.ts'

/** `subkeys/<name>`: the names of a secret's values, without the values. */
export const subkeys = routesOf<Secrets>().read('subkeys/*path', {
  about: 'Read the names of the values of a secret.',
  returns: {
    subkeys: f
      .object('The names; values that are no objects are null. Null when the version is deleted or destroyed.')
      .orNull(),
    metadata: f.object('The metadata of the version.'),
  },
  fields: { ...path, ...version, depth: f.int('How many levels; 0: all.').or(0) },
  handle: async ({ engine }, { path: name, version: wanted, depth }) => {
    const { secret, number, data } = await engine.version(secretAt(name), versionNumber(wanted))
    const content = { subkeys: data ? namesOf(data, depth || Infinity) : null, metadata: versionView(secret, number) }
    return { ...answer(content), ...(!data && { status: 404 }) }
  },
})

/** Every value as null, objects as objects, so many levels deep. */
function namesOf(data: Json, depth: number): Json {
  const below = (value: unknown): unknown =>
    depth > 1 && isObject(value) && Object.keys(value).length > 0 ? namesOf(value, depth - 1) : null
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, below(value)]))
}
