import type { Route } from '../../contract/route.ts'
import { perObject } from '../../util/caches/per-object.ts'

/** All operations that one path of an engine offers. */
export type Offers = Partial<Record<Route['operation'], Route>>

/** The properties of a path, for all verbs. */
export interface Traits {
  /** It belongs to the server's lifecycle (sealing, health): it works while sealed and in every namespace. */
  readonly serverLife: boolean
  /** No token is needed: the existence of a verb is not secret. */
  readonly public: boolean
  /** Some verb needs the capability `sudo`, and so does the response that another verb does not exist. */
  readonly sudo: boolean
  readonly vet: Route['vet']
}

/** The traits of a path, found once. */
export const traitsOf = perObject((offers: Offers): Traits => {
  const routes = Object.values(offers)
  const serverLife = routes.some((route) => route.whenSealed)
  const isPublic = serverLife || routes.some((route) => route.access === 'public')
  const sudo = routes.some((route) => route.access === 'sudo')
  return { serverLife, public: isPublic, sudo, vet: routes.find((route) => route.vet)?.vet }
})

/** A path that was found, with its operations and parameters. */
export interface Match {
  readonly offers: Offers
  readonly params: Readonly<Record<string, string>>
}

class Node {
  readonly literals = new Map<string, Node>()
  param: { readonly name: string; readonly node: Node } | undefined
  /** `*rest`, and `*rest/suffix` by suffix. */
  tail: { readonly name: string; readonly offers: Offers; suffixes: ReadonlyMap<string, Offers> } | undefined
  offers: Offers | undefined
}

/**
 * Finds an engine's route by path. Specificity decides, never the order of addition: a literal segment precedes `:name`, which
 * precedes `*rest/suffix`, the longest suffix first, and then `*rest`. Ambiguous routes prevent the start.
 */
export class Trie {
  readonly #root = new Node()

  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route)
  }

  /** The match for a path relative to the mount, or undefined. A trailing slash is a last, empty segment. */
  find(path: string): Match | undefined {
    return descend(this.#root, path.split('/'), 0, {})
  }

  #add(route: Route): void {
    const segments = route.pattern.split('/')
    let node = this.#root
    for (const [at, segment] of segments.entries()) {
      if (segment.startsWith('*')) return addTail(node, segment.slice(1), segments.slice(at + 1).join('/'), route)
      node = segment.startsWith(':') ? paramOf(node, segment.slice(1), route) : literalOf(node, segment)
    }
    return offer((node.offers ??= {}), route)
  }
}

function literalOf(node: Node, segment: string): Node {
  const existing = node.literals.get(segment)
  if (existing) return existing
  const added = new Node()
  node.literals.set(segment, added)
  return added
}

function paramOf(node: Node, name: string, route: Route): Node {
  node.param ??= { name, node: new Node() }
  if (node.param.name !== name) throw new Error(`route ${route.pattern}: ":${name}" is ":${node.param.name}" elsewhere`)
  return node.param.node
}

function addTail(node: Node, name: string, suffix: string, route: Route): void {
  node.tail ??= { name, offers: {}, suffixes: new Map() }
  if (node.tail.name !== name) throw new Error(`route ${route.pattern}: "*${name}" is "*${node.tail.name}" elsewhere`)
  if (suffix === '') return offer(node.tail.offers, route)
  const offers = node.tail.suffixes.get(suffix) ?? {}
  const longestFirst = [...node.tail.suffixes, [suffix, offers] as const].sort(([a], [b]) => b.length - a.length)
  node.tail.suffixes = new Map(longestFirst)
  return offer(offers, route)
}

function offer(offers: Offers, route: Route): void {
  if (offers[route.operation]) throw new Error(`two routes for ${route.operation} ${route.pattern}`)
  offers[route.operation] = route
}

type Params = Record<string, string>

function descend(node: Node, segments: readonly string[], at: number, params: Params): Match | undefined {
  if (at === segments.length) return node.offers ? { offers: node.offers, params } : undefined
  const segment = segments[at] as string
  const literal = node.literals.get(segment)
  const exact = literal && descend(literal, segments, at + 1, params)
  if (exact) return exact
  if (node.param && segment !== '') {
    const found = descend(node.param.node, segments, at + 1, { ...params, [node.param.name]: segment })
    if (found) return found
  }
  return node.tail && tailMatch(node.tail, segments.slice(at).join('/'), at, params)
}

function tailMatch(tail: NonNullable<Node['tail']>, rest: string, at: number, params: Params): Match | undefined {
  for (const [suffix, offers] of tail.suffixes) {
    if (rest.endsWith(`/${suffix}`))
      return { offers, params: { ...params, [tail.name]: rest.slice(0, -suffix.length - 1) } }
  }
  // Below a literal the rest must not be empty; a tail at the root also matches the mount itself.
  if (rest === '' && at > 0) return undefined
  return Object.keys(tail.offers).length > 0
    ? { offers: tail.offers, params: { ...params, [tail.name]: rest } }
    : undefined
}
