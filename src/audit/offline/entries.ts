import { linkOf } from '../lines/chain.ts'
import { offlineLogs } from './given-files.ts'
import { Unreadable, isObject, rawLines } from './raw-lines.ts'

/** The fields of a line for auditors. Absent fields are ''. All values come from a file and are not trusted. */
export interface Entry {
  /** Its number in the log; 0 if there is none. */
  readonly seq: number
  /** As written, RFC 3339 in UTC. */
  readonly time: string
  readonly type: string
  readonly id: string
  readonly operation: string
  readonly path: string
  readonly mount: string
  readonly name: string
  readonly accessor: string
  readonly entity: string
  readonly address: string
  readonly policies: readonly string[]
  readonly error: string
  /** `denied`: no policy allowed it, or its token was not valid; `failed`: another error; otherwise `ok`. */
  readonly result: 'ok' | 'denied' | 'failed'
}

/** A line that passed a filter. */
export interface Hit {
  /** The number of its log, from 0, in the order in which logs are read. */
  readonly log: number
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly entry: Entry
  /** The line as it is in the file. */
  readonly text: string
}

type Members = Readonly<Record<string, unknown>>

/** Reads a line; undefined when it is not JSON. */
export function entryOf(line: string): Entry | undefined {
  const value = parsed(line)
  if (!value) return undefined
  const [auth, request] = [membersOf(value['auth']), membersOf(value['request'])]
  const results = membersOf(auth['policy_results'])
  const error = textOf(value['error'])
  const granting = Array.isArray(results['granting_policies']) ? results['granting_policies'] : []
  return {
    seq: linkOf(line)?.seq ?? 0,
    time: textOf(value['time']),
    type: textOf(value['type']),
    id: textOf(request['id']),
    operation: textOf(request['operation']),
    path: textOf(request['path']),
    mount: textOf(request['mount_point']),
    name: textOf(auth['display_name']),
    accessor: textOf(auth['accessor']) || textOf(request['client_token_accessor']),
    entity: textOf(auth['entity_id']),
    address: textOf(request['remote_address']),
    policies: granting.map((one) => textOf(membersOf(one)['name'])).filter((name) => name !== ''),
    error,
    result: results['allowed'] === false && isDenial(error) ? 'denied' : error === '' ? 'ok' : 'failed',
  }
}

/** A request that was refused as malformed, over a quota or while the server was sealed is not allowed either, but no policy decided that. */
const isDenial = (error: string): boolean =>
  error === 'permission denied' || error === '1 error occurred:\n\t* permission denied\n\n'

function parsed(line: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Members) : undefined
  } catch {
    return undefined
  }
}

const membersOf = (value: unknown): Members => (typeof value === 'object' && value !== null ? (value as Members) : {})
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Selects lines. */
export interface Filter {
  /** A time, or a prefix of one: lines from then on. */
  readonly since?: string
  /** Lines before. */
  readonly until?: string
  /** `request` or `response`. */
  readonly type?: string
  /** `*` matches anything, `+` one segment. */
  readonly path?: string
  readonly operation?: string
  readonly accessor?: string
  readonly name?: string
  readonly address?: string
  readonly id?: string
  /** Only denied and failed requests. */
  readonly results?: readonly Entry['result'][]
  /** A string that the line must contain, e.g. a hash. */
  readonly holds?: readonly string[]
}

/**
 * The lines of files that a filter lets through, log by log in their order, in constant memory. Files without lines are skipped.
 * @throws Unreadable in the end, when a file could not be read to its own end
 */
export async function* hits(
  paths: readonly string[],
  filter: Filter,
  progress?: (bytes: number) => void,
): AsyncGenerator<Hit> {
  const choice = { filter, wanted: matcher(filter), needles: needlesOf(filter) }
  const files = (await offlineLogs(paths)).flatMap(({ files: own }, log) => own.map(({ path }) => ({ path, log })))
  let unreadable: Unreadable | undefined
  for (const { path, log } of files)
    try {
      yield* hitsIn({ path, log }, choice, progress)
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown
      unreadable ??= thrown
    }
  if (unreadable) throw unreadable
}

interface Choice {
  readonly filter: Filter
  readonly wanted: (entry: Entry) => boolean
  readonly needles: readonly (readonly string[])[]
}

async function* hitsIn(
  { path: file, log }: { readonly path: string; readonly log: number },
  choice: Choice,
  progress?: (bytes: number) => void,
): AsyncGenerator<Hit> {
  const { filter, wanted, needles } = choice
  let line = 0
  for await (const lines of rawLines(file, progress))
    for (const { bytes, whole } of lines) {
      line++
      // Most lines are excluded before they need to be parsed.
      if (!whole || !isObject(bytes) || !inTime(bytes.toString('latin1', 9, 40), filter)) continue
      if (needles.some((either) => !either.some((needle) => bytes.includes(needle)))) continue
      const text = bytes.toString('utf8', 1)
      const entry = entryOf(text)
      if (entry && wanted(entry)) yield { log, file, line, entry, text }
    }
}

/** Whether an entry passes the filter. */
export function matcher(filter: Filter): (entry: Entry) => boolean {
  const { path, results } = filter
  const pattern = path === undefined ? undefined : patternOf(path)
  const exact = (['type', 'operation', 'accessor', 'name', 'address', 'id'] as const).filter(
    (name) => filter[name] !== undefined,
  )
  return (entry) =>
    inTime(`"${entry.time}`, filter) &&
    exact.every((name) => entry[name] === filter[name]) &&
    (pattern === undefined || pattern.test(entry.path)) &&
    (results === undefined || results.includes(entry.result))
}

/** `head` begins with the quotation mark before the time. */
function inTime(head: string, { since, until }: Filter): boolean {
  return (since === undefined || head >= `"${since}`) && (until === undefined || head < `"${until}`)
}

/** Groups of strings: a line must contain one from each group. */
function needlesOf({ accessor, id, holds }: Filter): readonly (readonly string[])[] {
  return [
    ...[accessor, id].flatMap((text) => (text === undefined ? [] : [[JSON.stringify(text).slice(1, -1)]])),
    ...(holds ? [holds] : []),
  ]
}

function patternOf(path: string): RegExp {
  const parts = path.split(/([*+])/).map((part) => {
    if (part === '*') return '.*'
    return part === '+' ? '[^/]+' : part.replace(/[\\^$.|?()[\]{}]/g, '\\$&')
  })
  return new RegExp(`^${parts.join('')}$`, 's')
}
