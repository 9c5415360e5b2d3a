import type { HclItem, HclValue, Position } from '../util/hcl/values.ts'
import { literalText, nodeOf, oneOf } from './nodes.ts'
import { ProfileError, operations, unknownSetting } from './profile.ts'
import type { Node, ProfileBlock, ProfileRequest } from './profile.ts'

const names = /^[A-Za-z_][A-Za-z0-9_-]*$/

/**
 * An `initialize` item: one block in HCL, several in JSON. @param before the blocks that stand before it, in other files as well
 * @throws ProfileError
 */
export function blocksOf(item: HclItem, before: readonly ProfileBlock[]): readonly ProfileBlock[] {
  const blocks: ProfileBlock[] = []
  for (const { name, body, at } of named(item, 'an initialize block')) {
    const known = [...before, ...blocks]
    if (known.some((block) => block.name === name))
      throw new ProfileError(`there is an initialize block "${name}" already: give this one another name`, at)
    blocks.push(blockOf(name, body, at, known))
  }
  return blocks
}

/** What has a name: by its label, or in JSON as members around the bodies. */
function named(item: HclItem, what: string): { name: string; body: readonly HclItem[]; at: Position }[] {
  const [label, more] = item.labels
  const found =
    label === undefined
      ? (item.value.kind === 'list' ? item.value.items : [item.value]).flatMap((one) =>
          itemsOf(one, what).map(({ key, value, at }) => ({ name: key, value, at })),
        )
      : [{ name: label, value: item.value, at: item.at }]
  if (more !== undefined || found.length === 0)
    throw new ProfileError(`${what} has one name: ${item.key} "name" { … }`, item.at)
  return found.map(({ name, value, at }) => {
    if (!names.test(name))
      throw new ProfileError(
        `the name "${name}" must begin with a letter or _, and have only letters, digits, _ and -`,
        at,
      )
    return { name, body: itemsOf(value, what), at }
  })
}

function itemsOf(value: HclValue, what: string): readonly HclItem[] {
  if (value.kind === 'object') return value.items
  throw new ProfileError(`${what} must be a block { … }`, value.at)
}

function blockOf(name: string, body: readonly HclItem[], at: Position, before: readonly ProfileBlock[]): ProfileBlock {
  const requests: ProfileRequest[] = []
  let when: Node | undefined
  for (const item of body) {
    if (item.key === 'when') when = checked(nodeOf(item.value), before)
    else if (item.key === 'request') addRequests(requests, item, [...before, { name, requests, at }])
    else throw unknownSetting(item.key, 'initialize', ['request', 'when'], item.at)
  }
  if (requests.length === 0) throw new ProfileError(`initialize "${name}" has no request`, at)
  return { name, requests, at, ...(when && { when }) }
}

function addRequests(requests: ProfileRequest[], item: HclItem, before: readonly ProfileBlock[]): void {
  for (const { name, body, at } of named(item, 'a request')) {
    if (requests.some((one) => one.name === name))
      throw new ProfileError(`there is a request "${name}" already: give this one another name`, at)
    requests.push(requestOf(name, body, at, before))
  }
}

const settings = ['operation', 'path', 'token', 'data', 'headers', 'when', 'allow_failure']

function requestOf(
  name: string,
  body: readonly HclItem[],
  at: Position,
  before: readonly ProfileBlock[],
): ProfileRequest {
  const nodes = new Map<string, Node>()
  for (const item of body) {
    if (!settings.includes(item.key)) throw unknownSetting(item.key, 'request', settings, item.at)
    if (nodes.has(item.key)) throw new ProfileError(`"${item.key}" is set twice`, item.at)
    nodes.set(item.key, checked(nodeOf(item.value), before))
  }
  const [operation, path] = [nodes.get('operation'), nodes.get('path')]
  if (!operation || !path) throw new ProfileError(`request "${name}" needs operation and path`, at)
  if (operation.kind === 'literal') oneOf(operations, operation, 'operation', at)
  const optional = { token: 'token', data: 'data', headers: 'headers', when: 'when', allowFailure: 'allow_failure' }
  const given = Object.entries(optional).flatMap(([key, setting]) => {
    const node = nodes.get(setting)
    return node ? [[key, node] as const] : []
  })
  return { name, operation, path, at, ...Object.fromEntries(given) }
}

/** @throws ProfileError when it names a request that does not stand before it */
function checked(node: Node, before: readonly ProfileBlock[]): Node {
  if (node.kind === 'list') node.items.forEach((item) => checked(item, before))
  if (node.kind !== 'map' && node.kind !== 'source') return node
  node.members.forEach((member) => checked(member, before))
  if (node.kind !== 'source' || (node.source !== 'request' && node.source !== 'response')) return node
  const block = literalText(node.members.get('initialize_name'))
  const request = literalText(node.members.get(`${node.source}_name`))
  const isThere = before.some(({ name, requests }) => name === block && requests.some((one) => one.name === request))
  if (!isThere && block !== undefined && request !== undefined)
    throw new ProfileError(`initialize "${block}" has no request "${request}" before this one`, node.at)
  return node
}
