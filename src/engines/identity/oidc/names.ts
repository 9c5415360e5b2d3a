import { Fault } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { isPathName } from '../../../contract/names.ts'
import type { Canonicaliser } from '../../../contract/names.ts'

/** The keys of the records. Names are single path segments. */
export const atOidc = {
  config: 'oidc-config',
  key: (name: string): string => `oidc-key/${name}`,
  role: (name: string): string => `oidc-role/${name}`,
  scope: (name: string): string => `oidc-scope/${name}`,
  assignment: (name: string): string => `oidc-assignment/${name}`,
  client: (name: string): string => `oidc-client/${name}`,
  /** Index: the name of the client with an id. */
  clientId: (id: string): string => `oidc-client-id/${id}`,
  provider: (name: string): string => `oidc-provider/${name}`,
} as const

const named: Canonicaliser = (name) => {
  if (!isPathName(name)) throw new Fault('unsupported_path', 'unsupported path')
  return name
}

/** The name in the paths of keys, roles, clients and so on, case-sensitive. */
export const canonicalName = { name: named }

/** The field of such a name. @param about the kind of record: `key` */
export const nameField = (about: string) => ({ name: f.string(`Name of the ${about}.`).or('') })

/** Stands for all members in lists of client ids and entities. */
export const everyone = '*'
