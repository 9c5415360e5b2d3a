import { refuse } from './fault.ts'

/** How a route writes a name of its path canonically. @throws Fault invalid_request when it can be no name */
export type Canonicaliser = (given: string) => string

/** A name of ours begins and ends with something that can be seen: nobody could tell it from the one without. */
export const plainName: Canonicaliser = (given) => {
  if (given !== given.trim()) throw refuse('a name cannot begin or end with a space')
  return given
}

/** A path that is no folder, with or without its trailing slash. */
export const withoutSlash: Canonicaliser = (given) => (given.endsWith('/') ? given.slice(0, -1) : given)

/** A path of ours that is to be made: see `plainName`. */
export const newPath: Canonicaliser = (given) => plainName(withoutSlash(given))

/** A name whose letter case does not count. */
export const folded: Canonicaliser = (given) => plainName(given).toLowerCase()

/** A version number; what else there is (`latest`) stays as it is. */
export const versionNumber: Canonicaliser = (given) => {
  const number = /^v?([+-]?\d{1,15})$/.exec(given)?.[1]
  return number === undefined ? given : String(Number(number))
}
