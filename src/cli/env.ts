import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Variables of the environment. */
export type Variables = Readonly<Record<string, string | undefined>>

const prefixes = ['STRONGROOM_', 'BAO_', 'VAULT_'] as const

/** What the environment and the home folder say. */
export class Environment {
  readonly #variables: Variables

  constructor(variables: Variables) {
    this.#variables = variables
  }

  /** STRONGROOM_X, else BAO_X, else VAULT_X. An empty one counts as given. */
  setting(name: string): string | undefined {
    for (const prefix of prefixes) {
      const value = this.#variables[prefix + name]
      if (value !== undefined) return value
    }
    return undefined
  }

  /** The token to use: from the environment, else the one that `login` kept. Empty for none. */
  token(): string {
    const given = this.setting('TOKEN')
    if (given) return given
    try {
      return readFileSync(this.tokenFile(), 'utf8').trim()
    } catch {
      return ''
    }
  }

  /** Keeps a token for later commands, readable by its owner only. */
  keepToken(token: string): void {
    writeFileSync(this.tokenFile(), token, { mode: 0o600 })
    // The mode above holds for a new file only.
    chmodSync(this.tokenFile(), 0o600)
  }

  /** Where `login` keeps the token. */
  tokenFile(): string {
    return this.setting('TOKEN_PATH') || join(this.#variables['HOME'] || homedir(), '.vault-token')
  }
}
