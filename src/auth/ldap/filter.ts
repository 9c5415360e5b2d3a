import { refuse } from '../../contract/fault.ts'
import { escapedInFilter } from './dn.ts'

/** The values of the variables of a template, not escaped yet. */
type Variables = Readonly<Partial<Record<'Username' | 'UserDN' | 'UserAttr', string>>>

const action = /\{\{-?\s*\.(\w+)\s*-?\}\}/g

/** The filters of a configuration that left them out, as Vault has them. */
export const defaultUserFilter = '({{.UserAttr}}={{.Username}})'
export const defaultGroupFilter = '(|(memberUid={{.Username}})(member={{.UserDN}})(uniqueMember={{.UserDN}}))'

/** A filter with its variables, escaped by RFC 4515: no value changes what the filter asks. */
export function renderedFilter(template: string, variables: Variables): string {
  return template.replace(action, (_, name: keyof Variables) => escapedInFilter(variables[name] ?? ''))
}

/**
 * Checks a template: only these variables, each where a value stands, and an LDAP filter when they are filled in.
 * @throws Fault invalid_request
 */
export async function checkTemplate(field: string, template: string, allowed: Variables): Promise<void> {
  if (template.length > 4096) throw refuse(`'${field}' is longer than 4096 characters`)
  for (const { 1: name = '', index } of template.matchAll(action)) {
    if (!Object.hasOwn(allowed, name))
      throw refuse(`invalid ${field}: there is no variable "${name}"; use ${namesOf(allowed)}`)
    const before = template.slice(template.lastIndexOf('(', index) + 1, index)
    if (name !== 'UserAttr' && !before.includes('='))
      throw refuse(`invalid ${field}: {{.${name}}} must be a value, as in (uid={{.${name}}})`)
  }
  if (/\{\{|\}\}/.test(template.replace(action, '')))
    throw refuse(`invalid ${field}: a template has only ${namesOf(allowed)}`)
  if (!(await isFilter(renderedFilter(template, allowed))))
    throw refuse(`invalid ${field}: it is no LDAP filter (RFC 4515); write one such as (uid={{.Username}})`)
}

const namesOf = (allowed: Variables): string =>
  Object.keys(allowed)
    .map((name) => `{{.${name}}}`)
    .join(', ')

async function isFilter(filter: string): Promise<boolean> {
  const { FilterParser } = await import('ldapts')
  try {
    FilterParser.parseString(filter)
    return filter.startsWith('(')
  } catch {
    return false
  }
}
