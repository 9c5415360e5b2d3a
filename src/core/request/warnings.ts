import type { Fields } from '../../contract/field.ts'

type Data = Readonly<Record<string, unknown>>

/** The warning about parameters that the route does not have, or undefined. Clients match its words. */
export function ignoredParameters(data: Data, fields: Fields, params: Data): string[] {
  const unknown: string[] = []
  for (const name in data) if (!Object.hasOwn(fields, name) && !Object.hasOwn(params, name)) unknown.push(name)
  return unknown.length > 0 ? [`Endpoint ignored these unrecognized parameters: [${unknown.sort().join(' ')}]`] : []
}

/** The warning about parameters of the body that the path has already set. */
export function replacedParameters(data: Data, params: Data): string[] {
  const replaced: string[] = []
  for (const name in params) if (Object.hasOwn(data, name)) replaced.push(name)
  if (replaced.length === 0) return []
  return [
    `Endpoint replaced the value of these parameters with the values captured from the endpoint's path: [${replaced.sort().join(' ')}]`,
  ]
}
