import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { View } from '../../contract/view.ts'
import { anyObject } from '../../util/stored/shape.ts'

/** The rest of a path: the name of a secret. */
export const path = { path: f.string('Path of the secret.').or('') }

/** The record of a v1 secret: the map of its values. */
export const plainFolder = 'secret/'

/** The values of a secret, as written. */
export const valuesShape = anyObject('the values of a secret')

/** The name of an existing secret. A trailing slash names a folder, never a secret. */
export function secretAt(name: string): string | undefined {
  return name === '' || name.endsWith('/') ? undefined : name
}

/** The name of a secret that is to be written. @throws Fault invalid_request */
export function nameToWrite(name: string): string {
  const named = secretAt(name)
  if (named === undefined) throw refuse(name === '' ? 'missing path' : `cannot write to "${name}": it ends in "/"`)
  return named
}

/** A folder of names, with its trailing slash; '' is the top. */
export function folderOf(name: string): string {
  return name === '' || name.endsWith('/') ? name : `${name}/`
}

/** Every secret below a folder, however deep, relative to it. */
export async function scanned(view: View, folder: string, below = ''): Promise<readonly string[]> {
  const names: string[] = []
  for (const name of await view.list(folder + below)) {
    if (name.endsWith('/')) names.push(...(await scanned(view, folder, below + name)))
    else names.push(below + name)
  }
  return names
}
