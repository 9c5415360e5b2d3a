import { readFileSync } from 'node:fs'
import { textOrNone } from '../../util/bytes.ts'
import type { Run } from './command.ts'
import { UsageError } from './flags.ts'
import { readJson } from '../../util/json.ts'

/**
 * Request data from words: `k=v`, `k=@file`, `k=-` (standard input), and `-` or `@file` for a JSON object. `\@` is an
 * `@` that begins a value. Files are used unchanged. A repeated key becomes a list.
 * @throws UsageError
 */
export async function inputOf(run: Pick<Run, 'stdin'>, words: readonly string[]): Promise<Record<string, unknown>> {
  const data = new Map<string, unknown>()
  let used = false
  const stdin = async (): Promise<string> => {
    if (used) throw new UsageError('standard input can be read only once: use "-" once on the command line')
    used = true
    return run.stdin()
  }
  for (const word of words) {
    for (const [name, value] of await membersOf(word, stdin)) data.set(name, joined(data.get(name), value))
  }
  return Object.fromEntries(data)
}

async function membersOf(word: string, stdin: () => Promise<string>): Promise<readonly (readonly [string, unknown])[]> {
  if (word === '-') return Object.entries(objectOf(await stdin()))
  if (word.startsWith('@')) return Object.entries(objectOf(fileText(word.slice(1))))
  const equals = word.indexOf('=')
  if (equals < 1) throw new UsageError(`${JSON.stringify(word)} is not valid data: write it as K=V`)
  const [name, value] = [word.slice(0, equals), word.slice(equals + 1)]
  if (value === '-') return [[name, await stdin()]]
  if (value.startsWith('@')) return [[name, fileText(value.slice(1))]]
  return [[name, value.replace(/^\\(?=[@-])/, '')]]
}

function joined(old: unknown, value: unknown): unknown {
  if (old === undefined) return value
  return Array.isArray(old) ? [...(old as unknown[]), value] : [old, value]
}

/** The content of a text file. @throws UsageError if it cannot be read, or is not UTF-8 */
export function fileText(path: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    throw new UsageError(`the file ${path} cannot be read`)
  }
  return textIn(bytes, `the file ${path}`)
}

/** Bytes as a string. @throws UsageError if they are not UTF-8: the string would be another value */
export function textIn(bytes: Uint8Array, what: string): string {
  const text = textOrNone(bytes)
  if (text === undefined)
    throw new UsageError(
      `${what} is not valid UTF-8 and cannot be sent unchanged: nothing was sent\n  next: encode it, for example with base64`,
    )
  return text
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value = readJson(Buffer.from(text))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Reported below: the parser's own message might quote a secret.
  }
  throw new UsageError('the data must be a single JSON object')
}
