import { ServerError } from './client.ts'
import type { Command, Run } from './command.ts'
import { dataOf } from './data.ts'
import { columns } from './table.ts'
import { showAnswer, showValue } from './show.ts'
import { envelope } from './output.ts'

const trimmed = (path: string): string => path.replace(/^\/+/, '')

function query(data: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(data).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
  )
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}

/** A read or list that found nothing: a sentence on standard error. */
function nothing(run: Run, path: string): number {
  run.err(`No value found at ${path}`)
  return 2
}

const isAbsent = (thrown: unknown): boolean =>
  thrown instanceof ServerError &&
  thrown.status === 404 &&
  Array.isArray(thrown.body?.['errors']) &&
  thrown.body['errors'].length === 0

/** `read`, `list`, `write`, `patch`, `delete`, `path-help`. */
export const genericCommands: readonly Command[] = [
  {
    name: 'read',
    about: 'Read a path',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    run: async (run) => {
      const [path = '', ...rest] = run.args
      try {
        return showAnswer(run, await run.client.send('GET', trimmed(path) + query(await dataOf(run, rest))))
      } catch (thrown) {
        if (isAbsent(thrown)) return nothing(run, trimmed(path))
        throw thrown
      }
    },
  },
  {
    name: 'list',
    about: 'List what lies under a path',
    usage: 'PATH',
    args: [1, 1],
    run: async (run) => {
      const path = trimmed(run.args[0] ?? '').replace(/\/?$/, '')
      try {
        const { body } = await run.client.send('GET', `${path}?list=true`)
        const keys = (body?.['data'] as { readonly keys?: readonly string[] } | undefined)?.keys ?? []
        if (run.format !== 'table') showValue(run, run.flags.bool('detailed') ? envelope(body ?? {}) : keys)
        else run.out(`${columns([['Keys'], ['----'], ...keys.map((key) => [key])])}\n`)
        return 0
      } catch (thrown) {
        if (!isAbsent(thrown)) throw thrown
        if (run.format !== 'table') {
          showValue(run, {})
          return 2
        }
        return nothing(run, `${path}/`)
      }
    },
  },
  {
    name: 'write',
    about: 'Write data to a path',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    flags: { f: { kind: 'bool', about: 'Write without data.' }, force: { kind: 'bool', about: 'Write without data.' } },
    run: async (run) => {
      const [path = '', ...rest] = run.args
      if (rest.length === 0 && !run.flags.bool('f') && !run.flags.bool('force')) {
        run.err('Must supply data or use -force')
        return 1
      }
      return showAnswer(
        run,
        await run.client.send('PUT', trimmed(path), await dataOf(run, rest)),
        `Success! Data written to: ${trimmed(path)}`,
      )
    },
  },
  {
    name: 'patch',
    about: 'Change parts of what is at a path',
    usage: 'PATH K=V …',
    args: [2, Infinity],
    run: async (run) => {
      const [path = '', ...rest] = run.args
      return showAnswer(
        run,
        await run.client.send('PATCH', trimmed(path), await dataOf(run, rest)),
        `Success! Data written to: ${trimmed(path)}`,
      )
    },
  },
  {
    name: 'delete',
    about: 'Delete what is at a path',
    usage: 'PATH [K=V …]',
    args: [1, Infinity],
    run: async (run) => {
      const [path = '', ...rest] = run.args
      return showAnswer(
        run,
        await run.client.send('DELETE', trimmed(path) + query(await dataOf(run, rest))),
        `Success! Data deleted (if it existed) at: ${trimmed(path)}`,
      )
    },
  },
  {
    name: 'path-help',
    about: 'What a path of the API is for',
    usage: 'PATH',
    args: [1, 1],
    run: async (run) => {
      const { body } = await run.client.send('GET', `${trimmed(run.args[0] ?? '')}?help=1`)
      run.out(`${String(body?.['help'] ?? '')}\n`)
      return 0
    },
  },
]
