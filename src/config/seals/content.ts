import { readFileSync } from 'node:fs'
import type { HclItem, HclValue } from '../../util/hcl/values.ts'
import { Secret } from '../../util/secret.ts'
import type { Source } from '../source.ts'

/** A secret as a string, by a variable (`env://NAME`), or in a file (`file:///path`). @throws ConfigError when there is none */
export function secretOf(source: Source, value: HclValue, name: string): Secret<string> {
  const content = contentOf(source, value, name).toString('utf8').trim()
  if (content === '') throw source.wrong(value.at, `${name}: it is empty`)
  return new Secret(content)
}

/** The first of these variables that is set. */
export function ofEnvironment(...names: readonly string[]): string | undefined {
  return names.map((name) => process.env[name]).find((value) => value !== undefined && value !== '')
}

/** The same for a secret. */
export function secretOfEnvironment(...names: readonly string[]): Secret<string> | undefined {
  const value = ofEnvironment(...names)
  return value === undefined ? undefined : new Secret(value)
}

/** What a setting says, or the variable or the file that it names. */
export function contentOf(source: Source, value: HclValue, name: string): Buffer {
  const text = source.string(value, name)
  if (text.startsWith('file://')) return fileOf(source, value.at, text.slice('file://'.length), name)
  if (!text.startsWith('env://')) return Buffer.from(text)
  const content = process.env[text.slice('env://'.length)]
  if (content !== undefined && content !== '') return Buffer.from(content)
  throw source.wrong(value.at, `${name}: the environment has no variable ${text.slice('env://'.length)}`)
}

/** A file that a setting names. @throws ConfigError when it cannot be read */
export function fileOf(source: Source, at: HclItem['at'], path: string, name: string): Buffer {
  source.names(path, name)
  try {
    return readFileSync(path)
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown'
    throw source.wrong(
      at,
      `${name}: ${path} cannot be read (${code}); check that it exists and that this user may read it`,
    )
  }
}
