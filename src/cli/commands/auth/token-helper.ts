import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { parseHcl } from '../../../util/hcl/hcl.ts'
import { HclError } from '../../../util/hcl/values.ts'
import type { HclItem } from '../../../util/hcl/values.ts'
import { UsageError } from '../../framework/flags.ts'

/** The command for a helper, as its one argument. */
type Action = 'get' | 'store' | 'erase'

/** The setting of a helper, and the environment to run it in. */
export interface HelperSettings {
  /** The given file; undefined for `.vault` in the home folder. */
  readonly file: string | undefined
  readonly home: string
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Called with the helper's output on standard error. */
  readonly show: (text: string) => void
}

/** A program that stores the token of a user, for example in the keyring of the desktop. It is run without a shell. */
export class TokenHelper {
  readonly #program: string
  readonly #settings: HelperSettings

  constructor(program: string, settings: HelperSettings) {
    this.#program = program
    this.#settings = settings
  }

  /** The stored token; empty for none. @throws UsageError if it fails */
  get(): string {
    return this.#run('get').trim()
  }

  /** Stores a token, which the helper reads from its standard input. @throws UsageError if it fails */
  store(token: string): void {
    this.#run('store', token)
  }

  /** Has it forget the token. @throws UsageError when it fails */
  erase(): void {
    this.#run('erase')
  }

  #run(action: Action, input = ''): string {
    const { variables, show } = this.#settings
    const result = spawnSync(this.#program, [action], { input, env: { ...variables }, maxBuffer: longest })
    const errorOutput = result.stderr?.toString() ?? ''
    if (errorOutput !== '') show(errorOutput.endsWith('\n') ? errorOutput : `${errorOutput}\n`)
    const { code } = (result.error ?? {}) as Partial<NodeJS.ErrnoException>
    // The helper need not read all input.
    if (code !== undefined && code !== 'EPIPE')
      throw new UsageError(`the token helper ${this.#program} could not be run (${code})`)
    if (result.status !== 0) {
      const how = result.status === null ? `it was ended by ${result.signal}` : `exit status ${result.status}`
      throw new UsageError(
        `the token helper ${this.#program} failed to ${action} the token (${how})\n  next: run it by hand, or give the token in VAULT_TOKEN`,
      )
    }
    return result.stdout.toString()
  }
}

/** Bytes that a helper may print. */
const longest = 64 * 1024

/** The helper that is set in `~/.vault`, or undefined for none. @throws UsageError for a file that cannot be used */
export function tokenHelper(settings: HelperSettings): TokenHelper | undefined {
  const { home } = settings
  const file = settings.file?.replace(/^~(?=\/)/, home) ?? join(home, '.vault')
  const text = textOf(file, settings.file === undefined)
  const program = text === undefined ? '' : programIn(text, file)
  return program === '' ? undefined : new TokenHelper(program, settings)
}

/** @param isUsual the file may be missing, because it is the default */
function textOf(file: string, isUsual: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    const code = String((thrown as { readonly code?: unknown }).code)
    if (isUsual && ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(code)) return undefined
    throw new UsageError(`the settings in ${file} cannot be read (${code})`)
  }
}

function programIn(text: string, file: string): string {
  const [item, ...more] = itemsOf(text, file)
  const unknown = [item, ...more].find((found) => found && found.key !== 'token_helper')
  if (unknown) throw new UsageError(`${file}: there is no setting "${unknown.key}"; token_helper is the only one`)
  if (item === undefined) return ''
  const { value } = item
  if (more.length > 0 || value.kind !== 'string')
    throw new UsageError(`${file}: token_helper must be one string in double quotes`)
  // A relative one would be another program in every folder.
  if (value.value !== '' && !isAbsolute(value.value))
    throw new UsageError(`${file}: token_helper must be an absolute path such as /usr/local/bin/helper`)
  return value.value
}

function itemsOf(text: string, file: string): readonly HclItem[] {
  try {
    return parseHcl(text)
  } catch (thrown) {
    throw thrown instanceof HclError ? new UsageError(`${file}: ${thrown.message}`) : thrown
  }
}
