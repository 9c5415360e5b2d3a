import type { Json } from '../../../util/json.ts'
import type { Client } from '../../http/client.ts'
import { UsageError } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import type { Report } from './report.ts'

/** An import in progress: from where, to where, and what came of it. */
export interface Import {
  readonly source: Client
  readonly target: Client
  readonly report: Report
}

/** The data at a path; undefined when there is none. @throws ServerError for every other refusal, and an answer without data */
export async function read(client: Client, path: string, query = {}): Promise<Json | undefined> {
  try {
    const body = await client.ask('data', 'GET', path, undefined, { query })
    // It would be taken for nothing, and what is there be overwritten.
    if (body['wrap_info'])
      throw new UsageError('a wrapped response cannot be read: leave -wrap-ttl and VAULT_WRAP_TTL out')
    return (body['data'] as Json | null) ?? undefined
  } catch (thrown) {
    if (thrown instanceof ServerError && thrown.status === 404) return undefined
    throw thrown
  }
}

/** The names in a folder; none when it is empty, or absent. */
export async function list(client: Client, path: string): Promise<readonly string[]> {
  const keys = (await read(client, path, { list: true }))?.['keys']
  return Array.isArray(keys) ? keys.map(String) : []
}

/**
 * All names of a mount, however deep. What the source refuses to list is reported, and the rest is walked.
 * @param folder where the mount lists its names. @param prefix of the names, such as `a/b/`
 */
export async function* walk(parts: Import, mount: string, folder: string, prefix = ''): AsyncGenerator<string> {
  const { source, report } = parts
  let names: readonly string[] = []
  await report.attempt({ kind: prefix === '' ? 'mount' : 'secret', path: `${mount}/${prefix}` }, async () => {
    names = await list(source, `${folder}/${prefix}`.replace(/\/$/, ''))
  })
  for (const name of names)
    if (name.endsWith('/')) yield* walk(parts, mount, folder, prefix + name)
    else yield prefix + name
}

const together = 8

/** Does something with each of them, several at a time. After an error nothing more is begun, and nothing goes on behind it. */
export async function each<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.asyncIterator]()
  const worker = async (): Promise<void> => {
    try {
      for (let next = await queue.next(); !next.done; next = await queue.next()) await work(next.value)
    } catch (thrown) {
      await queue.return?.()
      throw thrown
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: together }, worker))
  for (const one of ended) if (one.status === 'rejected') throw one.reason
}
