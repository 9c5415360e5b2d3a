import type { Json } from '../../../util/json.ts'
import type { Client } from '../../http/client.ts'
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

/** All names below a folder, however deep. @param prefix of the names, such as `a/b/` */
export async function* walk(client: Client, folder: string, prefix = ''): AsyncGenerator<string> {
  for (const name of await list(client, `${folder}/${prefix}`.replace(/\/$/, '')))
    if (name.endsWith('/')) yield* walk(client, folder, prefix + name)
    else yield prefix + name
}

const together = 8

/** Does something with each of them, several at a time. */
export async function each<T>(items: AsyncIterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items[Symbol.asyncIterator]()
  const worker = async (): Promise<void> => {
    for (let next = await queue.next(); !next.done; next = await queue.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: together }, worker))
}
