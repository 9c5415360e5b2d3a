import { readFileSync } from 'node:fs'
import type { Run } from './command.ts'
import { UsageError } from './flags.ts'
import { readJson } from '../util/json.ts'

/** `k=v`, `k=@file`, `k=-`, `-` and `@file` (a JSON object) as request data. A repeated key becomes a list. @throws UsageError */
export async function dataOf(run: Run, words: readonly string[]): Promise<Record<string, unknown>> {
  const data: Record<string, unknown> = {}
  let stdin: string | undefined
  const input = async (): Promise<string> => (stdin ??= await run.stdin())
  const add = (name: string, value: unknown): void => {
    const old = data[name]
    data[name] = old === undefined ? value : Array.isArray(old) ? [...(old as unknown[]), value] : [old, value]
  }
  for (const word of words) {
    if (word === '-' || word.startsWith('@')) {
      const text = word === '-' ? await input() : fileText(word.slice(1))
      for (const [name, value] of Object.entries(objectOf(text))) add(name, value)
      continue
    }
    const equals = word.indexOf('=')
    if (equals < 0)
      throw new UsageError(
        `Failed to parse K=V data: invalid key/value pair ${JSON.stringify(word)}: format must be key=value`,
      )
    const value = word.slice(equals + 1)
    add(
      word.slice(0, equals),
      value === '-'
        ? await input()
        : value.startsWith('@')
          ? fileText(value.slice(1))
          : value.startsWith('\\@')
            ? value.slice(1)
            : value,
    )
  }
  return data
}

/** @throws UsageError */
export function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    throw new UsageError(`the file ${path} cannot be read`)
  }
}

function objectOf(text: string): Record<string, unknown> {
  try {
    const value = readJson(Buffer.from(text))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below: the parser's own words might quote a secret.
  }
  throw new UsageError('Failed to parse K=V data: the input must be one JSON object')
}
