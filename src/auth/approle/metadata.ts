import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { isObject } from '../../util/stored/shape.ts'

/** The limits that entities have for their metadata: members, and bytes of a name and a value. */
const most = { members: 64, name: 128, value: 512 }

/** Metadata from a JSON object of strings, or from `a=b,c=d`. @throws Fault invalid_request */
export function metadataOf(input: string): Readonly<Record<string, string>> {
  if (input.trim() === '') return {}
  const metadata = fromJson(input) ?? f.map('').parse(input)
  if (!metadata) throw refuse('metadata must be a JSON object of strings, such as {"env":"prod"}, or env=prod')
  const entries = Object.entries(metadata)
  const isShort = ([name, value]: readonly [string, string]): boolean =>
    name !== '' && Buffer.byteLength(name) <= most.name && Buffer.byteLength(value) <= most.value
  if (entries.length > most.members || !entries.every(isShort))
    throw refuse(`metadata has at most ${most.members} members, with names of 1 to ${most.name} and values of up to ${most.value} bytes`) // prettier-ignore
  return metadata
}

/** Undefined when it is no JSON object of strings. */
function fromJson(input: string): Readonly<Record<string, string>> | undefined {
  if (!input.trimStart().startsWith('{')) return undefined
  let value: unknown
  try {
    value = JSON.parse(input)
  } catch {
    return undefined
  }
  if (!isObject(value) || !Object.values(value).every((member) => typeof member === 'string')) return undefined
  return value as Readonly<Record<string, string>>
}
