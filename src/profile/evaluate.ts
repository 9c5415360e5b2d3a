import { Numeral } from '../util/json.ts'
import { Secret } from '../util/secret.ts'
import { NotConvertible, converted } from './convert.ts'
import { NotThere } from './history.ts'
import type { History } from './history.ts'
import { ProfileError } from './profile.ts'
import type { Node } from './profile.ts'
import { sources } from './sources.ts'
import type { SourceWorld } from './sources.ts'
import { TemplateError } from './template/error.ts'

/** What values are made from. */
export interface Evaluating {
  readonly world: SourceWorld
  readonly history: History
}

/**
 * The value of a node. What comes from a source is a `Secret`, wherever it stands: `plain` takes it out.
 * @throws ProfileError naming place and reason, without any value; NotThere for a response that does not exist
 */
export async function evaluated(node: Node, parts: Evaluating): Promise<unknown> {
  if (node.kind === 'literal') return node.value
  if (node.kind === 'list') return Promise.all(node.items.map(async (item) => evaluated(item, parts)))
  const members: (readonly [string, unknown])[] = []
  for (const [name, member] of node.members) members.push([name, await evaluated(member, parts)])
  if (node.kind === 'map') return Object.fromEntries(members)
  const { source, type, at } = node
  try {
    const fields = plain(Object.fromEntries(members)) as Readonly<Record<string, unknown>>
    return new Secret(converted(await sources[source](fields, parts), type))
  } catch (thrown) {
    if (thrown instanceof NotThere || thrown instanceof ProfileError) throw thrown
    if (thrown instanceof NotConvertible || thrown instanceof TemplateError)
      throw new ProfileError(`eval_source = "${source}": ${thrown.message}`, at)
    throw thrown
  }
}

/** A value with its secrets taken out, for the request that it is for. */
export function plain(value: unknown): unknown {
  if (value instanceof Secret) return plain((value as Secret<unknown>).reveal())
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Numeral)
    return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]))
}
