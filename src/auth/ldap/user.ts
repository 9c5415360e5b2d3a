import { isSearched } from './config.ts'
import type { Config } from './config.ts'
import type { Directory } from './directory.ts'
import { escapedInDn } from './dn.ts'
import { renderedFilter } from './filter.ts'
import { foldedName } from './names.ts'
import { DirectoryError } from './wire/directory-error.ts'

/** A user of a directory, as the name of a login leads to it. */
export interface LdapUser {
  /** What the user binds with: a distinguished name, or NAME@DOMAIN. */
  readonly bindName: string
  /** The name that the directory has for the user; undefined: it has none, or several. */
  readonly alias: string | undefined
  /** The name that failed logins are counted under: one for all names that lead to this user. */
  readonly counted: string
}

/**
 * The user of a name; undefined: there is none, or more than one. Without a search the directory says only at the bind.
 * @throws DirectoryError
 */
export async function userNamed(directory: Directory, config: Config, name: string): Promise<LdapUser | undefined> {
  if (!isSearched(config)) {
    const bindName = config.upnDomain === '' ? builtDn(config, name) : `${escapedInDn(name)}@${config.upnDomain}`
    return { bindName, alias: bindName, counted: name }
  }
  await mustBindAccount(directory, config)
  const { upnDomain, userAttr, userDn: base, userFilter } = config
  const variables =
    upnDomain === ''
      ? { UserAttr: userAttr, Username: name }
      : { UserAttr: 'userPrincipalName', Username: `${name}@${upnDomain}` }
  const filter = renderedFilter(userFilter, variables)
  const [entry, ...others] = await directory.search({
    base,
    scope: 'sub',
    filter,
    attributes: [userAttr],
    sizeLimit: 2,
  })
  if (!entry || entry.dn === '' || others.length > 0) return undefined
  const values = entry.values(userAttr).map((value) => value.toString('utf8'))
  const alias = values.length === 1 && values[0] !== '' ? values[0] : undefined
  return { bindName: entry.dn, alias, counted: foldedName(alias ?? entry.dn) }
}

/** The distinguished name that a user of that name would have. */
export const builtDn = ({ userAttr, userDn }: Config, name: string): string =>
  `${userAttr}=${escapedInDn(name)}${userDn === '' ? '' : `,${userDn}`}`

/** Binds with the account that searches; without one the connection stays as it is. @throws DirectoryError when the server refuses it */
export async function mustBindAccount(directory: Directory, { bindDn, bindPass }: Config): Promise<void> {
  if (bindDn !== '' && !(await directory.bind(bindDn, bindPass)))
    throw new DirectoryError('the server does not accept binddn and bindpass')
}

/** The distinguished name of a user who has bound; undefined: it cannot be found. @throws DirectoryError */
export async function dnOf(
  directory: Directory,
  config: Config,
  name: string,
  user: LdapUser,
): Promise<string | undefined> {
  const { upnDomain, userDn: base } = config
  if (upnDomain === '' || isSearched(config)) return user.bindName
  if (base === '') return undefined
  const filter = renderedFilter('(userPrincipalName={{.Username}})', { Username: `${name}@${upnDomain}` })
  const [entry, ...others] = await directory.search({ base, scope: 'sub', filter, attributes: ['1.1'], sizeLimit: 2 })
  return others.length === 0 ? entry?.dn : undefined
}
