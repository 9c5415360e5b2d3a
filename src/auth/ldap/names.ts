import { refuse } from '../../contract/fault.ts'
import { plainName } from '../../contract/names.ts'
import type { Canonicaliser } from '../../contract/names.ts'

/** The most characters of a name. */
const longest = 256

/**
 * Characters that directories skip when they compare names (RFC 4518 section 2.2), and control characters. A name with one
 * would be another spelling of a name without it.
 */
const skipped = /[\p{C}\p{Zl}\p{Zp}\u1806\ufffc]|\u034f|[\u180b-\u180f]|[\ufe00-\ufe0f]/u

/** A name as directories compare it (RFC 4518): letter case and the width of letters do not count. */
export const foldedName = (name: string): string => name.normalize('NFKC').toLowerCase().normalize('NFKC')

/**
 * The one spelling of a name of a user or group: what policies, the lockout, records and entities go by.
 * @throws Fault invalid_request for spellings that a directory takes for another one
 */
export const ldapName: Canonicaliser = (input) => {
  const name = plainName(foldedName(input))
  if (name.length > longest) throw refuse(`a name has at most ${longest} characters`)
  if (skipped.test(name)) throw refuse('a name cannot have control characters or invisible ones')
  if (/\s\s/.test(name)) throw refuse('a name cannot have two spaces in a row: a directory takes them for one')
  return name
}

/** That spelling; undefined: it cannot be the name of a record. */
export function recordNameOf(name: string): string | undefined {
  try {
    const found = ldapName(name)
    return found === '' || found.includes('/') ? undefined : found
  } catch {
    return undefined
  }
}
