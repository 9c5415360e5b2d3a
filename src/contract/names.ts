import { refuse } from './fault.ts'

/** Whether a string can be a name in paths, as Vault has them: letters, digits and `_`, inside also `-` and `.`. */
export const isPathName = (name: string): boolean => /^\w(?:[\w.-]*\w)?$/.test(name)

/** Makes a name from a path canonical. @throws Fault invalid_request if it is not a valid name */
export type Canonicaliser = (input: string) => string

/** A new name neither begins nor ends with a space: it would look like the name without it. */
export const plainName: Canonicaliser = (input) => {
  if (input !== input.trim()) throw refuse('a name cannot begin or end with a space')
  return input
}

/** A path without its trailing slash. */
export const withoutSlash: Canonicaliser = (input) => (input.endsWith('/') ? input.slice(0, -1) : input)

/** The path of something new: see `plainName`. */
export const newPath: Canonicaliser = (input) => plainName(withoutSlash(input))

/** A name that is not case-sensitive. */
export const folded: Canonicaliser = (input) => plainName(input).toLowerCase()

/** A version number; other values (`latest`) stay unchanged. */
export const versionNumber: Canonicaliser = (input) => {
  const number = /^v?([+-]?\d{1,15})$/.exec(input)?.[1]
  return number === undefined ? input : String(Number(number))
}
