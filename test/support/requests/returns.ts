import type { FieldKind, Fields } from '../../../src/contract/field.ts'
import type { FormedResponse } from '../../../src/contract/response.ts'
import { otherMembers } from '../../../src/contract/wire/returns.ts'
import type { Returns, ReturnsForm } from '../../../src/contract/wire/returns.ts'
import type { Route } from '../../../src/contract/route.ts'
import { Trie } from '../../../src/core/request/trie.ts'
import { Numeral } from '../../../src/util/json.ts'

type Handle = (call: never, values: never) => Promise<FormedResponse> | FormedResponse

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Numeral)
const isString = (value: unknown): boolean => typeof value === 'string'
const isInt = (value: unknown): boolean => Number.isSafeInteger(value)

const fits: Readonly<Record<FieldKind, (value: unknown) => boolean>> = {
  string: isString,
  bool: (value) => typeof value === 'boolean',
  int: isInt,
  number: (value) => typeof value === 'number',
  duration: isInt,
  list: (value) => Array.isArray(value) && value.every(isString),
  map: (value) => isObject(value) && Object.values(value).every(isString),
  object: isObject,
  array: (value) => Array.isArray(value) && value.every(isObject),
  base64: (value) => isString(value) && /^[A-Za-z0-9+/]*={0,2}$/.test(value as string),
  any: () => true,
}

/** Why a response is not what its route says; undefined when it is. */
export function lieOf(returns: Returns | undefined, response: FormedResponse): string | undefined {
  if (response.file) return returns?.form === 'file' ? undefined : 'a file'
  if (response.wrapInfo || !hasContent(response)) return undefined
  if (!returns) return 'content of which the route says nothing'
  if (returns.form === 'any') return undefined
  if (response.contentType !== undefined) return returns.text === undefined ? 'a text' : undefined
  const form = formOf(response)
  if (form !== returns.form) return `the form ${form} in place of ${returns.form}`
  return form === 'token' ? undefined : oddMember(returns.members, response.data ?? response.plain)
}

const isSet = (value: unknown): boolean => value !== undefined && value !== null

function hasContent({ data, plain, auth, login }: FormedResponse): boolean {
  return [data, plain, auth, login].some(isSet)
}

function formOf({ plain, inject, auth, login }: FormedResponse): ReturnsForm {
  if (plain !== undefined) return 'body'
  if (auth || login) return 'token'
  return inject ? 'injected' : 'envelope'
}

function oddMember(members: Fields, payload: unknown): string | undefined {
  if (!isObject(payload)) return 'a payload that is no object'
  for (const [name, value] of Object.entries(payload) as [string, unknown][]) {
    const field = members[name] ?? members[otherMembers]
    if (!field) return `the unknown member ${name}`
    if (value === undefined || (value === null && field.isNullable)) continue
    if (!fits[field.kind](value)) return `${name}: ${JSON.stringify(value).slice(0, 100)} is no ${field.kind}`
  }
  return undefined
}

const watched = new WeakSet<Route>()

function watch(route: Route): void {
  if (watched.has(route)) return
  watched.add(route)
  const handle = route.handle as Handle
  const checked: Handle = async (call, values) => {
    const response = await handle(call, values)
    const lie = lieOf(route.returns, response)
    if (lie === undefined) return response
    const message = `${route.operation} ${route.pattern} (${route.about}) returns ${lie}`
    console.error(message)
    throw new Error(message)
  }
  Object.assign(route, { handle: checked })
}

/**
 * From now on, every successful response of this process is held to its route's `returns`: one with an unknown member, or with a
 * member of another type, fails its request with status 500, and the reason goes to standard error.
 */
export function holdResponsesToRoutes(): void {
  // Every request finds its route in a trie, whatever engine, namespace or state of the server it is for.
  const find = Reflect.get(Trie.prototype, 'find')
  Trie.prototype.find = function (this: Trie, path: string) {
    const match = find.call(this, path)
    for (const route of Object.values(match?.offers ?? {})) watch(route)
    return match
  }
}
