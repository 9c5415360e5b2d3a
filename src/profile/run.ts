import { Secret } from '../util/secret.ts'
import { NotConvertible, asBool, asMap, asText, asTexts } from './convert.ts'
import { evaluated, plain } from './evaluate.ts'
import { History } from './history.ts'
import { ProfileError, operations } from './profile.ts'
import type { Node, ProfileBlock, ProfileOperation, ProfileRequest } from './profile.ts'
import type { SourceWorld } from './sources.ts'

/** A request whose values are known. Those of sources are `Secret`s; see `plain`. */
export interface EvaluatedRequest {
  readonly block: string
  readonly name: string
  readonly operation: ProfileOperation
  /** Without leading slash. */
  readonly path: string
  /** Absent: the token of whoever runs the profile. Empty: none. */
  readonly token?: Secret<string>
  readonly data: Readonly<Record<string, unknown>> | undefined
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  readonly allowFailure: boolean
}

/** Evaluates the requests of a profile, one after the other, each with what those before it were answered. */
export class ProfileRun {
  readonly #world: SourceWorld
  readonly #history = new History()

  constructor(world: SourceWorld) {
    this.#world = world
  }

  /** Whether `when` of a block or request is true. @throws ProfileError, NotThere */
  async applies({ when, at }: Pick<ProfileBlock, 'when' | 'at'>): Promise<boolean> {
    return when === undefined || this.#as(asBool, when, 'when', at)
  }

  /** Where a request goes, without leading slash. @throws ProfileError, NotThere */
  async path({ path, at }: Pick<ProfileRequest, 'path' | 'at'>): Promise<string> {
    return (await this.#as(asText, path, 'path', at)).replace(/^\//, '')
  }

  /** A request with its values. It can be referred to from now on. @throws ProfileError, NotThere */
  async request(block: string, spec: ProfileRequest): Promise<EvaluatedRequest> {
    const { name, at, token, data, headers, allowFailure } = spec
    const operation = await this.#as(asText, spec.operation, 'operation', at)
    const known = operations.find((one) => one === operation)
    if (!known) throw new ProfileError(`operation is one of: ${operations.join(', ')}`, at)
    const path = await this.path(spec)
    const values = data && (await evaluated(data, { world: this.#world, history: this.#history }))
    const fields = values === undefined ? undefined : dataOf(values, at)
    const made: EvaluatedRequest = {
      block,
      name,
      operation: known,
      path,
      data: fields,
      headers: headers ? headersOf(await this.#as(asMap, headers, 'headers', at)) : {},
      allowFailure: allowFailure !== undefined && (await this.#as(asBool, allowFailure, 'allow_failure', at)),
      ...(token && { token: new Secret(await this.#as(asText, token, 'token', at)) }),
    }
    // OpenBao's documentation says `data`, its server `map`.
    const sent = plain(fields)
    this.#history.add('requests', block, name, { operation, path, data: sent, map: sent })
    return made
  }

  /** The response to a request. It can be referred to from now on. */
  answered({ block, name }: EvaluatedRequest, response: Readonly<Record<string, unknown>>): void {
    this.#history.add('responses', block, name, response)
  }

  /** A request that is not performed here, with or without its values: what refers to them cannot be known. */
  unanswered(block: string, request: string, isMade: boolean): void {
    if (!isMade) this.#history.addUnknown('requests', block, request)
    this.#history.addUnknown('responses', block, request)
  }

  async #as<T>(convert: (value: unknown) => T, node: Node, name: string, at: ProfileRequest['at']): Promise<T> {
    const value = plain(await evaluated(node, { world: this.#world, history: this.#history }))
    return named(() => convert(value), name, at)
  }
}

function named<T>(convert: () => T, name: string, at: ProfileRequest['at']): T {
  try {
    return convert()
  } catch (thrown) {
    if (thrown instanceof NotConvertible) throw new ProfileError(`${name}: ${thrown.message}`, at)
    throw thrown
  }
}

/** A whole `data` that comes from a source keeps its members secret. */
function dataOf(values: unknown, at: ProfileRequest['at']): Readonly<Record<string, unknown>> {
  const map = named(() => asMap(values instanceof Secret ? plain(values) : values), 'data', at)
  if (!(values instanceof Secret)) return map
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, new Secret(value)]))
}

const headersOf = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name.toLowerCase(), asTexts(value)]))
