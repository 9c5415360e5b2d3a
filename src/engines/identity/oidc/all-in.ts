import type { View } from '../../../contract/view.ts'
import { pageOf } from '../../../contract/wire/page.ts'
import type { Page } from '../../../contract/wire/page.ts'
import { byteOrder } from '../../../util/bytes.ts'
import { Slices } from '../../../util/slices.ts'
import type { Shape } from '../../../util/stored/shape.ts'

/** The records in a folder, by name; possibly none. */
export async function allIn<T>(
  view: View,
  folder: string,
  shape: Shape<T>,
): Promise<readonly (readonly [name: string, record: T])[]> {
  const slices = new Slices()
  const records: (readonly [string, T])[] = []
  for (const name of await view.list(folder)) {
    const record = await view.get(folder + name, shape)
    if (record) records.push([name, record])
    await slices.pause()
  }
  return records
}

/** A page of the names in a folder, including one that always exists. */
export async function namesWith(view: View, folder: string, always: string, page: Page): Promise<readonly string[]> {
  const { after = '', limit } = pageOf(page)
  const names = await view.list(folder, pageOf(page))
  if (!names.includes(always) && byteOrder(always, after) > 0) names.push(always)
  return names.sort(byteOrder).slice(0, limit)
}
