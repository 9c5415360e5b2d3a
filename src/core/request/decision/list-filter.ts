import { Fault } from '../../../contract/fault.ts'
import { apiPath } from '../../../contract/request.ts'
import type { ApiPath } from '../../../contract/request.ts'
import type { FormedResponse } from '../../../contract/response.ts'
import type { Acl } from '../../../policy/acl.ts'
import { pathOfKey } from '../../../policy/key-filter.ts'
import type { KeyFilter } from '../../../policy/key-filter.ts'
import { Slices } from '../../../util/slices.ts'
import type { Destination } from '../router.ts'

/** Where a path leads, as the policies of the caller see it. */
type Find = (path: ApiPath, listing: boolean) => Destination | undefined

/** Whether one name of a list may be shown. */
export type NameFilter = (key: string) => boolean

/**
 * A name is shown if the caller could read it (a folder: list it) by a plain request, at the path from every filter of the
 * rule. Names without a valid path are not shown.
 */
export function listFilter(find: Find, acl: Acl, filters: readonly KeyFilter[], listed: string): NameFilter {
  const folder = listed.endsWith('/') ? listed : `${listed}/`
  return (key) =>
    filters.every((filter) => {
      const raw = pathOfKey(filter, folder, key)
      const path = raw === undefined ? undefined : apiPath(raw)
      if (path === undefined) return false
      const operation = key.endsWith('/') ? 'list' : 'read'
      const verdict = acl.decide({ path, operation, data: {} })
      const route = find(path, operation === 'list')?.match?.offers[operation]
      return verdict.allowed && (route?.access !== 'sudo' || verdict.sudo)
    })
}

/** The list without the names that are not shown. @throws Fault not_found when none is left, internal when it is no list */
export async function filtered(response: FormedResponse, isVisible: NameFilter): Promise<FormedResponse> {
  if (!response.data) return response
  const { keys, key_info: info, ...rest } = response.data
  // Other members of the response may contain the hidden names.
  if (!Array.isArray(keys) || Object.keys(rest).length > 0)
    throw new Fault('internal', 'the policy filters this list, and the answer is of a kind that cannot be filtered')
  const visible: string[] = []
  const slices = new Slices()
  for (const key of keys as readonly string[]) {
    await slices.pause()
    if (isVisible(key)) visible.push(key)
  }
  if (visible.length === 0) throw new Fault('not_found', 'nothing to list')
  const allInfo = (info ?? {}) as Readonly<Record<string, unknown>>
  const infos = Object.fromEntries(
    visible.filter((key) => Object.hasOwn(allInfo, key)).map((key) => [key, allInfo[key]]),
  )
  return { ...response, data: { keys: visible, ...(info !== undefined && { key_info: infos }) } }
}
