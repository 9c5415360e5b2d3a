import { hits } from '../../../audit/offline/entries.ts'
import { readingFiles } from './files.ts'
import { filterFlags, filterOf } from './filter.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { ServerError } from '../../http/errors.ts'
import { barePath } from '../../http/paths.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'

const hashed = /^hmac-sha256:[0-9a-f]{64}$/

interface Occurrence {
  readonly file: string
  readonly line: number
  readonly number: number
  readonly time: string
  readonly type: string
  readonly operation: string
  readonly path: string
  readonly places: readonly string[]
}

async function find(run: Run): Promise<number> {
  const hashes = await hashesOf(run)
  const found: Occurrence[] = []
  await readingFiles(run, run.args, async (progress) => {
    const filter = { ...filterOf(run, 'all'), holds: hashes }
    for await (const { file, line, entry, text } of hits(run.args, filter, progress)) {
      const { seq, time, type, operation, path } = entry
      const one = { file, line, number: seq, time, type, operation, path, places: placesOf(text, hashes) }
      if (run.format === 'table') run.out(printed(one))
      else found.push(one)
    }
  })
  if (run.format !== 'table') await showValue(run, { hashes, found })
  return 0
}

/** The hashes to look for. Only the server has the salt: it computes the hash of a value. */
async function hashesOf(run: Run): Promise<readonly string[]> {
  const fromFlags = run.flags.strings('hash')
  const wrong = fromFlags.find((hash) => !hashed.test(hash))
  if (wrong !== undefined)
    throw new UsageError(`${wrong} is not a hash: a hash is hmac-sha256: followed by 64 hexadecimal digits`)
  if (!run.flags.bool('value-stdin')) {
    if (fromFlags.length > 0) return fromFlags
    throw new UsageError(
      'give the hash to find with -hash, or the value with -value-stdin, a server, and a token that may use sys/audit-hash',
    )
  }
  const input = (await run.stdin()).replace(/\n$/, '')
  const devices = run.flags.strings('device')
  const generation = run.flags.int('generation')
  const hashes = [...fromFlags]
  for (const device of devices.length > 0 ? devices : ['file']) {
    const body = await run.client.ask('hash', 'PUT', `sys/audit-hash/${barePath(device)}`, {
      input,
      ...(generation !== undefined && { generation }),
    })
    const { hash } = (body['data'] ?? {}) as { readonly hash?: unknown }
    if (typeof hash !== 'string' || !hashed.test(hash))
      throw new ServerError(`the response of sys/audit-hash/${barePath(device)} contains no hash`)
    hashes.push(hash)
  }
  return hashes
}

function printed({ file, line, number, time, type, operation, path, places }: Occurrence): string {
  return `${printable(`${file}:${line}  number ${number}  ${time}  ${type}  ${operation} ${path}  ${places.join(' ')}`)}\n`
}

/** Where in a line the hashes stand, as JSON pointers (RFC 6901). Without recursion: a line may nest as deep as it likes. */
function placesOf(text: string, hashes: readonly string[]): readonly string[] {
  const places: string[] = []
  const waiting: (readonly [value: unknown, at: string])[] = [[JSON.parse(text), '']]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [value, at] = next
    if (typeof value === 'string' && hashes.includes(value)) places.push(at)
    else if (typeof value === 'object' && value !== null)
      for (const [name, member] of Object.entries(value).toReversed())
        waiting.push([member, `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`])
  }
  return places
}

/** `audit find`. */
export const auditFindCommands: readonly Command[] = [
  {
    name: 'audit find',
    about: 'Show where a hashed value occurs in audit files',
    usage: 'FILE …',
    args: [1, Infinity],
    flags: {
      hash: { kind: 'strings', about: 'The hash from sys/audit-hash; then no server is needed.' },
      'value-stdin': { kind: 'bool', about: 'Read the value from standard input and let the server hash it.' },
      generation: {
        kind: 'int',
        about:
          'The generation of the salt (default: the current one). It changes when a device is enabled again at its path.',
      },
      device: { kind: 'strings', about: 'The audit device that wrote the files (default file).' },
      ...filterFlags,
    },
    shows: ['format'],
    doing: 'hashing the value',
    run: find,
  },
]
