import { Numeral } from '../util/json.ts'
import type { HclItem, HclValue, Position } from '../util/hcl/values.ts'
import { ProfileError, sourceNames, types } from './profile.ts'
import type { Node, SourceName, ValueType } from './profile.ts'
import { templateFault } from './template/parse.ts'

/** A value of a profile. @throws ProfileError */
export function nodeOf(value: HclValue): Node {
  switch (value.kind) {
    case 'list':
      return { kind: 'list', items: value.items.map(nodeOf) }
    case 'object':
      return objectOf(value.items, value.at)
    case 'number':
      return { kind: 'literal', value: numberOf(value.value, value.literal) }
    case 'null':
      return { kind: 'literal', value: null }
    case 'string':
    case 'bool':
      return { kind: 'literal', value: value.value }
  }
}

/** The text of a literal; undefined for everything else. */
export function literalText(node: Node | undefined): string | undefined {
  return node?.kind === 'literal' && typeof node.value === 'string' ? node.value : undefined
}

/** Digits that a JavaScript number would change stay as they are. */
const numberOf = (value: number, literal: string): unknown =>
  Number.isInteger(value) && !Number.isSafeInteger(value) ? new Numeral(literal) : value

function objectOf(items: readonly HclItem[], at: Position): Node {
  const members = new Map<string, Node>()
  for (const item of items) {
    if (members.has(item.key)) throw new ProfileError(`"${item.key}" is set twice`, item.at)
    members.set(item.key, labelledNode(item))
  }
  const [source, type] = [members.get('eval_source'), members.get('eval_type')]
  if (!source && !type) return { kind: 'map', members }
  if (!source || !type) throw new ProfileError('eval_source and eval_type belong together', at)
  return sourceOf(members, at)
}

/** `a "b" { … }` is `a = { b = { … } }`. */
function labelledNode({ labels, value }: HclItem): Node {
  return labels.reduceRight<Node>((node, label) => ({ kind: 'map', members: new Map([[label, node]]) }), nodeOf(value))
}

interface SourceSpec {
  readonly needs: readonly string[]
  readonly may?: readonly string[]
}

const specs: Readonly<Record<SourceName, SourceSpec>> = {
  env: { needs: ['env_var'], may: ['require_present'] },
  file: { needs: ['path'] },
  request: { needs: ['initialize_name', 'request_name', 'field_selector'] },
  response: { needs: ['initialize_name', 'response_name', 'field_selector'] },
  template: { needs: ['template'], may: ['data'] },
  cel: { needs: ['expression'], may: ['variables'] },
}

function sourceOf(all: ReadonlyMap<string, Node>, at: Position): Node {
  const source = oneOf(sourceNames, all.get('eval_source'), 'eval_source', at)
  const type = typeOf(all.get('eval_type'), at)
  const members = new Map([...all].filter(([name]) => !name.startsWith('eval_')))
  const { needs, may = [] } = specs[source]
  for (const name of needs)
    if (!members.has(name)) throw new ProfileError(`eval_source = "${source}" needs ${needs.join(' and ')}`, at)
  for (const name of members.keys())
    if (!needs.includes(name) && !may.includes(name))
      throw new ProfileError(`"${name}" is not a setting of eval_source = "${source}"`, at)
  const template = literalText(members.get('template'))
  const fault = template === undefined ? undefined : templateFault(template)
  if (fault !== undefined) throw new ProfileError(`template: ${fault}`, at)
  return { kind: 'source', source, type, members, at }
}

const aliases: Readonly<Record<string, ValueType>> = {
  '': 'any',
  'interface{}': 'any',
  'map[string]any': 'map',
  'map[string]interface{}': 'map',
}

function typeOf(node: Node | undefined, at: Position): ValueType {
  const text = literalText(node)
  const alias = text !== undefined && Object.hasOwn(aliases, text) ? aliases[text] : undefined
  return alias ?? oneOf(types, node, 'eval_type', at)
}

/** @throws ProfileError unless it is one of these words */
export function oneOf<T extends string>(words: readonly T[], node: Node | undefined, name: string, at: Position): T {
  const text = literalText(node)
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new ProfileError(`${name} is one of: ${words.join(', ')}`, at)
}
