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
  /** The token of the token helper, which is asked once; undefined without a helper, or before it was asked. */
  #helperToken: string | undefined

  /** @param show gets what a token helper prints on standard error */
  constructor(variables: Variables, show: (text: string) => void = () => {}) {
    this.#variables = variables
    this.#show = show
  }

  /** STRONGROOM_X, else BAO_X, else VAULT_X. An empty one counts as given. */
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
   * The token to use: from the environment, else the one that `login` kept. Empty for none.
   * @throws UsageError when a kept one is there and cannot be read
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

  /** Keeps a token for later commands, by the helper or readable by its owner only. @throws UsageError when it cannot */
  keepToken(token: string): void {
    const helper = this.#helper()
    if (helper) {
      this.#helperToken = undefined
      return helper.store(token)
    }
    try {
      const file = openSync(this.tokenFile(), 'w', 0o600)
      try {
        // The mode above holds for a new file only; an old one is closed to others before the token is in it.
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

  /** Where `login` keeps the token when there is no helper. */
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
