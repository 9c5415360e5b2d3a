import type { Config } from './config.ts'
import type { Directory } from './directory.ts'
import { commonNameOf } from './dn.ts'
import { renderedFilter } from './filter.ts'
import { DirectoryError } from './wire/directory-error.ts'
import type { Entry } from './wire/response.ts'

/** The most groups of one user: each may be looked up. */
const mostGroups = 1024

/**
 * The names of the groups that a user is in.
 * @param dn of the user; undefined: not known
 * @throws DirectoryError
 */
export async function groupsOf(
  directory: Directory,
  config: Config,
  name: string,
  dn: string | undefined,
): Promise<readonly string[]> {
  const names = config.useTokenGroups
    ? await tokenGroups(directory, dn)
    : (await groupEntries(directory, config, name, dn)).flatMap((entry) => namesOf(entry, config))
  const found = [...new Set(names.filter((one) => one !== ''))]
  if (found.length > mostGroups) throw new DirectoryError(`a user is in more than ${mostGroups} groups`)
  return found
}

async function groupEntries(
  directory: Directory,
  { groupDn, groupFilter, groupAttr, pageSize }: Config,
  name: string,
  dn: string | undefined,
): Promise<readonly Entry[]> {
  if (groupDn === '' || groupFilter === '') return []
  if (dn === undefined && /\.UserDN\b/.test(groupFilter))
    throw new DirectoryError('groupfilter needs the distinguished name of the user, which was not found below userdn')
  const filter = renderedFilter(groupFilter, { Username: name, UserDN: dn ?? '' })
  return directory.search({ base: groupDn, scope: 'sub', filter, attributes: [groupAttr], sizeLimit: 0, pageSize })
}

function namesOf(entry: Entry, { groupAttr }: Config): readonly string[] {
  const values = entry.values(groupAttr).map((value) => value.toString('utf8'))
  if (values.length === 0) return [commonNameOf(entry.dn) ?? entry.dn]
  // A common name is what it is: one that looks like a distinguished name must not count as another group.
  if (groupAttr.toLowerCase() === 'cn') return values
  return values.map((value) => commonNameOf(value) ?? value)
}

/** The groups of Active Directory's constructed attribute, nested ones included. */
async function tokenGroups(directory: Directory, dn: string | undefined): Promise<readonly string[]> {
  if (dn === undefined) throw new DirectoryError('the distinguished name of the user was not found below userdn')
  const one = { scope: 'base', filter: '(objectClass=*)', sizeLimit: 1, mayLackBase: true } as const
  const [user] = await directory.search({ ...one, base: dn, attributes: ['tokenGroups'] })
  const ids = user?.values('tokenGroups') ?? []
  if (ids.length > mostGroups) throw new DirectoryError(`a user is in more than ${mostGroups} groups`)
  const names: string[] = []
  for (const id of ids) {
    const [group] = await directory.search({ ...one, base: `<SID=${sidOf(id)}>`, attributes: ['1.1'] })
    if (group) names.push(commonNameOf(group.dn) ?? group.dn)
  }
  return names
}

/** A security identifier as text ([MS-DTYP] section 2.4.2). @throws DirectoryError */
function sidOf(bytes: Buffer): string {
  const count = bytes[1] ?? 0
  if (bytes.length !== 8 + 4 * count) throw new DirectoryError('tokenGroups has a value that is no security identifier')
  const parts = Array.from({ length: count }, (_, at) => bytes.readUInt32LE(8 + 4 * at))
  return ['S', bytes[0], bytes.readUIntBE(2, 6), ...parts].join('-')
}
