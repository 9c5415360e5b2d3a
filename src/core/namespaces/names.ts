import { refuse } from '../../contract/fault.ts'
import { unprintable } from '../../util/printable.ts'

/** Names with another meaning. Not case-sensitive, so that `root` and `ROOT` cannot be confused. */
const reserved: ReadonlySet<string> = new Set([
  'root',
  'sys',
  'audit',
  'auth',
  'cubbyhole',
  'identity',
  'api-lock',
  'seal',
  'unseal',
  'seal-status',
  'delete-sealed',
])

/** Characters of the longest name of a namespace. */
export const longestName = 128
const longest = { name: longestName, path: 1024 } as const

/** The name of a namespace, without a trailing slash. @throws Fault invalid_request unless it is one segment. */
export function namespaceName(requested: string): string {
  const name = requested.endsWith('/') ? requested.slice(0, -1) : requested
  if (name === '') throw refuse('the namespace needs a name')
  if (name.includes('/')) throw refuse('namespace name cannot contain /')
  return name
}

/** @throws Fault invalid_request when no namespace may be called so. */
export function checkNewName(name: string, parentPath: string): void {
  if (name === '.' || name === '..' || reserved.has(name.toLowerCase()))
    throw refuse(`"${name}" is a reserved path and cannot be used as a namespace name`)
  if (/[ +*]/.test(name) || unprintable.test(name))
    throw refuse('a namespace name cannot contain spaces, "+", "*", or characters that cannot be printed')
  if (name.length > longest.name || parentPath.length + name.length > longest.path)
    throw refuse(`the name is too long: ${longest.name} letters at most, ${longest.path} with those of all above it`)
}

const most = { pairs: 64, name: 128, value: 512 } as const

/** The stored metadata of a namespace. @throws Fault invalid_request */
export function checkedMetadata(metadata: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const pairs = Object.entries(metadata)
  if (pairs.length > most.pairs) throw refuse(`custom_metadata may have ${most.pairs} members at most`)
  for (const [name, value] of pairs) {
    if (name === '' || name.length > most.name)
      throw refuse(`names in custom_metadata have 1 to ${most.name} characters`)
    if (value.length > most.value) throw refuse(`values in custom_metadata have ${most.value} characters at most`)
  }
  return metadata
}
