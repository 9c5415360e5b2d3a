import { Fault } from '../fault.ts'
import { f } from '../field.ts'
import type { Values } from '../field.ts'
import type { View } from '../view.ts'

/** The fields of a route that lists names. */
export const pageFields = {
  after: f.string('Only names after this one.').or(''),
  limit: f.int('The most names to return; 0: all.').or(0),
}

/** The values of `pageFields`. */
export type Page = Values<typeof pageFields>

/** The requested page, as parameters of `View.list`. */
export function pageOf({ after, limit }: Page): { readonly after?: string; readonly limit?: number } {
  return { ...(after !== '' && { after }), ...(limit > 0 && { limit }) }
}

const all: Page = { after: '', limit: 0 }

/** The names in a folder. @throws Fault not_found, with the message `none`, if there are none */
export async function namesIn(view: View, folder: string, none: string, page = all): Promise<readonly string[]> {
  const names = await view.list(folder, pageOf(page))
  if (names.length === 0) throw new Fault('not_found', none)
  return names
}
