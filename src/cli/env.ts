import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const prefixes = ['STRONGROOM_', 'BAO_', 'VAULT_'] as const

/** A setting from the environment: STRONGROOM_X, else BAO_X, else VAULT_X. An empty one counts as given. */
export function setting(name: string): string | undefined {
  for (const prefix of prefixes) {
    const value = process.env[prefix + name]
    if (value !== undefined) return value
  }
  return undefined
}

/** Where `login` keeps the token. */
export function tokenFile(): string {
  return setting('TOKEN_PATH') || join(process.env['HOME'] || homedir(), '.vault-token')
}

/** The token to use: from the environment, else from the file. */
export function currentToken(): string {
  const given = setting('TOKEN')
  if (given) return given
  try {
    return readFileSync(tokenFile(), 'utf8').trim()
  } catch {
    return ''
  }
}
