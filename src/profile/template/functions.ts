import { createHash } from 'node:crypto'
import { fitsGlob } from '../../util/glob.ts'
import { base64, fromBase64, fromHex, textOrNone } from '../../util/bytes.ts'
import { NotConvertible, asText } from '../convert.ts'
import { TemplateError } from './error.ts'

/** What functions have besides their arguments. */
export interface TemplateWorld {
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly uuid: () => string
  readonly random: (bytes: number) => Uint8Array
}

type TemplateFunction = (args: readonly unknown[], world: TemplateWorld) => unknown

/** The functions of Go's templates and of OpenBao's, as far as they are offered. */
export const functions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['index', ([of, ...keys]) => keys.reduce(indexed, of)],
  ['print', (args) => args.map(text).join('')],
  ['len', ([of]) => (typeof of === 'string' ? Buffer.byteLength(of) : Object.keys(Object(of) as object).length)],
  ['not', ([value]) => !isTrue(value)],
  ['and', (args) => args.find((value) => !isTrue(value)) ?? args.at(-1)],
  ['or', (args) => args.find(isTrue) ?? args.at(-1)],
  ['eq', ([first, ...rest]) => rest.includes(first)],
  ['ne', ([first, second]) => first !== second],
  ['uppercase', ([value]) => text(value).toUpperCase()],
  ['lowercase', ([value]) => text(value).toLowerCase()],
  ['replace', ([find, by, value]) => text(value).replaceAll(text(find), () => text(by))],
  ['truncate', ([most, value]) => text(value).slice(0, countOf(most))],
  ['truncate_sha256', ([most, value]) => truncated(countOf(most), text(value))],
  ['sha256', ([value]) => sha256(text(value))],
  ['base64', ([value]) => base64(Buffer.from(text(value)))],
  ['decode_base64', ([value]) => decoded(fromBase64(text(value)))],
  ['hex', ([value]) => Buffer.from(text(value)).toString('hex')],
  ['decode_hex', ([value]) => decoded(fromHex(text(value)))],
  ['glob', ([pattern, value]) => fitsGlob(text(pattern), text(value))],
  ['random', ([length], world) => randomText(countOf(length), world)],
  ['uuid', (_, { uuid }) => uuid()],
  ['unix_time', (_, { now }) => Math.floor(now() / 1000)],
  ['unix_time_millis', (_, { now }) => now()],
])

/** A value as a template prints it. @throws TemplateError */
export function text(value: unknown): string {
  if (typeof value === 'boolean') return String(value)
  try {
    return asText(value)
  } catch (thrown) {
    if (thrown instanceof NotConvertible)
      throw new TemplateError('only texts, numbers and true or false can be printed')
    throw thrown
  }
}

/** As `if` sees it: empty is false. */
export function isTrue(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0
  return Boolean(value)
}

/** A member by its name, or an item by its number. @throws TemplateError when there is none */
export function indexed(of: unknown, key: unknown): unknown {
  const name = typeof key === 'number' ? String(key) : key
  if (typeof of === 'object' && of !== null && typeof name === 'string' && Object.hasOwn(of, name))
    return (of as Readonly<Record<string, unknown>>)[name]
  throw new TemplateError(`there is no "${String(name)}"`)
}

function countOf(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 4096) return value
  throw new TemplateError('a length is a number from 1 to 4096')
}

function decoded(bytes: Uint8Array | undefined): string {
  const found = bytes && textOrNone(bytes)
  if (found === undefined) throw new TemplateError('the value cannot be decoded to a text')
  return found
}

const sha256 = (value: string): string => createHash('sha256').update(value).digest('hex')

/** The last 8 characters are those of the hash of what is cut off. */
function truncated(most: number, value: string): string {
  if (most <= 8) throw new TemplateError('truncate_sha256 needs a length of more than 8')
  return value.length <= most ? value : value.slice(0, most - 8) + sha256(value.slice(most - 8)).slice(0, 8)
}

const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Letters and digits, each with the same probability. */
function randomText(length: number, { random }: TemplateWorld): string {
  let made = ''
  while (made.length < length)
    for (const byte of random(length)) if (byte < 248 && made.length < length) made += letters[byte % 62] ?? ''
  return made
}
