import { closeSync, fchmodSync, openSync, readFileSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from './flags.ts'
import { tokenHelper } from '../commands/auth/token-helper.ts'
import type { TokenHelper } from '../commands/auth/token-helper.ts'

/** Variables of the environment. */
export type Variables = Readonly<Record<string, string | undefined>>

const prefixes = ['STRONGROOM_', 'BAO_', 'VAULT_'] as const

/** Settings from the environment and the home folder. */
export class Environment {
  readonly #variables: Variables
  readonly #show: (text: string) => void
  /** The token of the token helper, which is run once; undefined without a helper, or before that. */
  #helperToken: string | undefined

  /** @param show called with a token helper's output on standard error */
  constructor(variables: Variables, show: (text: string) => void = () => {}) {
    this.#variables = variables
    this.#show = show
  }

  /** STRONGROOM_X, otherwise BAO_X, otherwise VAULT_X. An empty one counts as set. */
  setting(name: string): string | undefined {
    return this.found(name)?.value
  }

  /** The same with the whole name of the variable, for messages. */
  found(name: string): { readonly variable: string; readonly value: string } | undefined {
    for (const prefix of prefixes) {
      const value = this.#variables[prefix + name]
      if (value !== undefined) return { variable: prefix + name, value }
    }
    return undefined
  }

  /** A variable that is not ours alone, such as `HTTPS_PROXY`. */
  plain(name: string): string | undefined {
    return this.#variables[name]
  }

  /**
   * The token: from the environment, otherwise the one stored by `login`. Empty for none.
   * @throws UsageError if a stored one exists and cannot be read
   */
  token(): string {
    const fromEnvironment = this.setting('TOKEN')
    if (fromEnvironment) return fromEnvironment.trim()
    this.#helperToken ??= this.#helper()?.get()
    if (this.#helperToken !== undefined) return this.#helperToken
    try {
      return readFileSync(this.tokenFile(), 'utf8').trim()
    } catch (thrown) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(thrown))) return ''
      throw new UsageError(`the token stored in ${this.tokenFile()} cannot be read (${codeOf(thrown)})`)
    }
  }

  /** Stores a token for later commands, by the helper or in a file that only its owner can read. @throws UsageError on failure */
  keepToken(token: string): void {
    const helper = this.#helper()
    if (helper) {
      this.#helperToken = undefined
      return helper.store(token)
    }
    try {
      const file = openSync(this.tokenFile(), 'w', 0o600)
      try {
        // The mode above applies to a new file only; an existing one is made private before the token is written.
        fchmodSync(file, 0o600)
        writeSync(file, token)
      } finally {
        closeSync(file)
      }
    } catch (thrown) {
      throw new UsageError(`the token could not be stored in ${this.tokenFile()} (${codeOf(thrown)})`)
    }
  }

  /** Has the helper forget the token, if it is the one in use: it was revoked. @throws UsageError when it fails */
  forgetToken(): void {
    if (this.setting('TOKEN')) return
    this.#helperToken = undefined
    this.#helper()?.erase()
  }

  /** The file in which `login` stores the token if there is no helper. */
  tokenFile(): string {
    return this.setting('TOKEN_PATH') || join(this.#home(), '.vault-token')
  }

  #helper(): TokenHelper | undefined {
    const file = this.setting('CONFIG_PATH') || undefined
    return tokenHelper({ file, home: this.#home(), variables: this.#variables, show: this.#show })
  }

  #home(): string {
    return this.#variables['HOME'] || homedir()
  }
}

const codeOf = (thrown: unknown): string => String((thrown as { readonly code?: unknown }).code)
