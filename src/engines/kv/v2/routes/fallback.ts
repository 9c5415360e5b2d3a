import { Fault } from '../../../../contract/fault.ts'
import type { Response } from '../../../../contract/response.ts'
import { routesOf } from '../../../../contract/route.ts'
import type { Route, RouteOptions } from '../../../../contract/route.ts'
import { path } from '../../names.ts'
import type { Secrets } from '../secrets.ts'

const { read, list, scan, write, patch, remove } = routesOf<Secrets>()

/** The error for a client that uses version 1's paths; clients match its first words. */
const wrongPath =
  'Invalid path for a versioned K/V secrets engine. Put data/ or metadata/ between the mount and the name of the secret, whichever fits the operation.'

/** The error for a client that uses a path of version 2 without naming a secret. */
const nothingNamed = 'This path needs the name of a secret behind it; only lists can do without.'

const unlisted = ['data', 'subkeys', 'delete', 'undelete', 'destroy']
const listed = ['metadata', 'detailed-metadata']
const prefixes = [...unlisted, ...listed]

/** Every path and verb that is not one of version 2's. */
export const fallbackRoutes: readonly Route<Secrets>[] = [
  ...verbs('*path', misplaced),
  ...listed.flatMap((prefix) => verbs(prefix, () => hint(nothingNamed))),
  ...lists('*path', (name) => (unlisted.includes(name) ? unsupported() : hint(wrongPath))),
  ...unlisted.flatMap((prefix) => lists(`${prefix}/*path`, unsupported)),
  ...lists('config', () => hint(wrongPath)),
]

type MakeResponse = (name: string) => Response

function verbs(pattern: string, responseFor: MakeResponse): Route<Secrets>[] {
  return [read, write, patch, remove].map((verb) => verb(pattern, options(responseFor)))
}

function lists(pattern: string, responseFor: MakeResponse): Route<Secrets>[] {
  return [list(pattern, options(responseFor)), scan(pattern, options(responseFor))]
}

function options(responseFor: MakeResponse): RouteOptions<Secrets, typeof path> {
  return {
    about: 'Not a path of KV version 2; the error has the right one.',
    fields: path,
    anyFields: true,
    unlisted: true,
    handle: (_, { path: name }) => responseFor(name),
  }
}

function misplaced(name: string): Response {
  if (name.endsWith('/') && prefixes.includes(name.slice(0, -1))) throw new Fault('not_found', 'no secret was named')
  return hint(unlisted.includes(name) && name !== 'subkeys' ? nothingNamed : wrongPath)
}

function unsupported(): never {
  throw new Fault('unsupported_operation', 'unsupported operation')
}

const hint = (warning: string): Response => ({ status: 404, data: null, warnings: [warning] })
