import { isObject } from '../../util/stored/shape.ts'

/** Labels that a namespace must have, each with its value. */
export type Selector = Readonly<Record<string, string>>

/** The most characters of a selector. */
const longest = 4096

/** The selector in a JSON or YAML object `{"matchLabels": {…}}`; undefined for another one. One that selects everything is none. */
export async function selectorOf(input: string): Promise<Selector | undefined> {
  if (input.length > longest) return undefined
  const value = await valueOf(input)
  if (!isObject(value)) return undefined
  const { matchLabels, ...others } = value
  if (Object.keys(others).length > 0 || !isSelector(matchLabels)) return undefined
  return matchLabels
}

async function valueOf(input: string): Promise<unknown> {
  // Loaded when it is needed: most servers never are.
  const { parse } = await import('yaml')
  try {
    return parse(input, { maxAliasCount: 0, logLevel: 'silent' })
  } catch {
    return undefined
  }
}

/** Whether a stored value is a selector. */
export const isSelector = (value: unknown): value is Selector =>
  isObject(value) &&
  Object.keys(value).length > 0 &&
  Object.entries(value).every(([name, label]) => name !== '' && typeof label === 'string')

/** Whether a namespace with these labels is selected. */
export const selects = (selector: Selector, labels: ReadonlyMap<string, unknown>): boolean =>
  Object.entries(selector).every(([name, value]) => labels.get(name) === value)
