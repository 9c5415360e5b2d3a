import { Fault } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { isPathName } from '../../../contract/names.ts'
import type { Canonicaliser } from '../../../contract/names.ts'

/** Where the records lie. Names are those of paths: one segment each. */
export const atOidc = {
  config: 'oidc-config',
  key: (name: string): string => `oidc-key/${name}`,
  role: (name: string): string => `oidc-role/${name}`,
  scope: (name: string): string => `oidc-scope/${name}`,
  assignment: (name: string): string => `oidc-assignment/${name}`,
  client: (name: string): string => `oidc-client/${name}`,
  /** Leads from the id of a client to its name. */
  clientId: (id: string): string => `oidc-client-id/${id}`,
  provider: (name: string): string => `oidc-provider/${name}`,
} as const

const named: Canonicaliser = (name) => {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return name
}

/** The name in the paths of keys, roles, clients and so on. Letter case counts. */
export const canonicalName = { name: named }

/** The field of that name. @param about the kind of record: `key` */
export const nameField = (about: string) => ({ name: f.string(`Name of the ${about}.`).or('') })

/** In lists of client ids and of entities: each of them. */
export const everyone = '*'
