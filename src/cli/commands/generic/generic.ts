import type { Json } from '../../../util/json.ts'
import { ServerError } from '../../http/errors.ts'
import type { Command, Run } from '../../framework/command.ts'
import { inputOf } from '../../framework/request-data.ts'
import { UsageError } from '../../framework/flags.ts'
import type { FlagTable } from '../../framework/flags.ts'
import { barePath } from '../../http/paths.ts'
import { nothingAt, showResponse, showKeys, showValue, showWarnings } from '../../output/show.ts'
import { textOf } from '../../output/table.ts'

const pathOf = (run: Run): string => barePath(run.args[0] ?? '')

async function read(run: Run): Promise<number> {
  const path = pathOf(run)
  const input = await inputOf(run, run.args.slice(1))
  const raw = run.format === 'raw'
  const response = await orNothing(run, run.client.send('GET', path, undefined, { query: input, anyText: raw }))
  if (!response || response.text.trim() === '') return nothingAt(run, path)
  if (!raw || run.flags.string('field')) return showResponse(run, response.body)
  run.out(`${response.text.trimEnd()}\n\n`)
  return 0
}

/** Flags of commands that list. */
export const pageFlags: FlagTable = {
  limit: { kind: 'int', about: 'The maximum number of names.' },
  after: { kind: 'string', about: 'Only names after this one.' },
}

/** The requested part of a list, in the API's form. @throws UsageError for a limit that would mean all */
export function pageOf({ flags }: Run): Json {
  const [limit, after] = [flags.int('limit'), flags.string('after')]
  if (limit !== undefined && limit < 1)
    throw new UsageError(`-limit=${limit} is not a valid number of names: leave it out to list all`)
  return { ...(limit !== undefined && { limit }), ...(after !== undefined && { after }) }
}

async function list(run: Run, verb: 'list' | 'scan' = 'list'): Promise<number> {
  const path = pathOf(run)
  const query = { [verb]: true, ...pageOf(run) }
  return showList(run, path, await orNothing(run, run.client.ask('data', 'GET', path, undefined, { query })))
}

/** Shows the response of a list: its keys, its wrapping, or that there are none. @returns the exit status */
export async function showList(run: Run, path: string, body: Json | undefined): Promise<number> {
  if (body?.['wrap_info']) return showResponse(run, body)
  const { keys, key_info: details } = (body?.['data'] ?? {}) as ListData
  if (body && keys === undefined && body['warnings']) {
    showWarnings(run, body)
    return 0
  }
  if (keys && keys.length > 0)
    return details && run.flags.bool('detailed') && run.format !== 'table'
      ? showValue(run, details).then(() => 0)
      : showKeys(run, keys)
  if (run.format === 'table') return nothingAt(run, path)
  await showValue(run, {})
  return 2
}

interface ListData {
  readonly keys?: readonly string[]
  readonly key_info?: Json
}

async function write(run: Run): Promise<number> {
  const path = pathOf(run)
  const words = run.args.slice(1)
  const force = run.flags.bool('force')
  if (words.length === 0 && !force)
    throw new UsageError('no data was given\n  next: add K=V, or use -force to write without data')
  const data = words.length === 0 ? null : await inputOf(run, words)
  const { body } = await run.client.send('PUT', path, data)
  return showResponse(run, body, `Success! Data written to: ${path}`)
}

async function patch(run: Run): Promise<number> {
  const path = pathOf(run)
  const { body } = await run.client.send('PATCH', path, await inputOf(run, run.args.slice(1)))
  return showResponse(run, body, `Success! Data written to: ${path}`)
}

async function remove(run: Run): Promise<number> {
  const path = pathOf(run)
  const query = await inputOf(run, run.args.slice(1))
  const { body } = await run.client.send('DELETE', path, undefined, { query })
  return showResponse(run, body?.['wrap_info'] ? undefined : body, `Success! Data deleted (if it existed) at: ${path}`)
}

/** @throws ServerError with the message that nothing exists there */
async function helpAt(path: string, run: Run): Promise<Json> {
  return run.client.ask('help', 'GET', path, undefined, { query: { help: 1 } }).catch((thrown: unknown) => {
    throw thrown instanceof ServerError && thrown.isAbsence
      ? thrown.withHint(
          'nothing is mounted there; "strongroom secrets list" shows what is, a mount is written with "/" at its end',
        )
      : thrown
  })
}

async function help(run: Run): Promise<number> {
  // The path of a mount ends in a slash in this request.
  const path = pathOf(run) + ((run.args[0] ?? '').endsWith('/') ? '/' : '')
  const body = await helpAt(path, run)
  if (run.format === 'table') run.out(`${textOf(body['help'])}\n`)
  else await showValue(run, body)
  return 0
}

/** A response, or undefined if the server reports that nothing exists; with a message if there is not even a mount. */
export async function orNothing<T>(run: Run, pending: Promise<T>): Promise<T | undefined> {
  return pending.catch((thrown: unknown) => {
    if (!(thrown instanceof ServerError) || !isNothing(thrown)) throw thrown
    if (thrown.next !== '') run.err(`Note: ${thrown.next}.`)
    return undefined
  })
}

/** Nothing is mounted there: for a read, the same as no data. An unknown namespace is an error. */
function isNothing({ status, body, isUnknownNamespace }: ServerError): boolean {
  return status === 404 && Array.isArray(body?.['errors']) && !isUnknownNamespace
}

/** `read`, `list`, `write`, `patch`, `delete`, `path-help`. */
export const genericCommands: readonly Command[] = [
  {
    name: 'read',
    about: 'Read a path',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    shows: ['field', 'format', 'raw'],
    doing: (run) => `reading ${pathOf(run)}`,
    run: read,
  },
  {
    name: 'list',
    about: 'List the entries of a path',
    usage: 'PATH',
    args: [1, 1],
    shows: ['format', 'detailed'],
    doing: (run) => `listing ${pathOf(run)}`,
    flags: pageFlags,
    run: async (run) => list(run),
  },
  {
    name: 'scan',
    about: 'List all entries below a path, recursively',
    usage: 'PATH',
    args: [1, 1],
    flags: pageFlags,
    shows: ['format', 'detailed'],
    doing: (run) => `scanning ${pathOf(run)}`,
    run: async (run) => list(run, 'scan'),
  },
  {
    name: 'write',
    about: 'Write data to a path',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    flags: { force: { kind: 'bool', about: 'Write without data.', alias: 'f' } },
    shows: ['field', 'format'],
    doing: (run) => `writing data to ${pathOf(run)}`,
    run: write,
  },
  {
    name: 'patch',
    about: 'Update part of the data at a path',
    usage: 'PATH K=V …',
    args: [2, Infinity],
    shows: ['field', 'format'],
    doing: (run) => `writing data to ${pathOf(run)}`,
    run: patch,
  },
  {
    name: 'delete',
    about: 'Delete the data at a path',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    shows: ['field', 'format'],
    doing: (run) => `deleting ${pathOf(run)}`,
    run: remove,
  },
  {
    name: 'path-help',
    about: 'Show the help of an API path',
    usage: 'PATH',
    args: [1, 1],
    shows: ['format'],
    doing: 'retrieving help',
    run: help,
  },
]
