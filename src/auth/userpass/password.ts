import { refuse } from '../../contract/fault.ts'
import { hashing } from '../../crypto/workers/heavy.ts'
import { utf8 } from '../../util/bytes.ts'

/** bcrypt ignores the bytes after these. */
const mostBytes = 72

/** bcrypt in its three spellings, with a cost from 5 to 12: a cheaper hash is unsafe, a more expensive one delays all logins. */
const hashPattern = /^\$2[aby]\$(?:0[5-9]|1[0-2])\$[./A-Za-z0-9]{53}$/

/** Compared if there is no user, so that an unknown name takes as long as a wrong password. No password has this hash. */
const unmatchableHash = `$2b$10$${'.'.repeat(53)}`

/** Whether a stored value is a hash that `matches` can compare. */
export const isPasswordHash = (value: unknown): boolean => typeof value === 'string' && hashPattern.test(value)

/** The parameters that set a password; undefined: left out. */
interface NewPassword {
  readonly password: string | undefined
  readonly password_hash: string | undefined
}

/** The bcrypt hash that the parameters set; undefined when both were left out. @throws Fault invalid_request */
export async function hashOf({ password, password_hash: hash }: NewPassword): Promise<string | undefined> {
  if (password === undefined && hash === undefined) return undefined
  if (password !== undefined && hash !== undefined) throw refuse('set either password or password_hash, not both')
  if (hash !== undefined) {
    if (isPasswordHash(hash)) return hash
    throw refuse('password_hash must be a bcrypt hash ($2a$, $2b$ or $2y$) with a cost from 5 to 12')
  }
  const bytes = utf8(password ?? '')
  if (bytes.length === 0) throw refuse('the password must not be empty')
  if (bytes.length > mostBytes) throw refuse(`the password is longer than ${mostBytes} bytes, the limit of bcrypt`)
  return hashing.run('hashPassword', { password: bytes })
}

/** Whether a password has a hash. Takes the same time without one. */
export async function matches(password: string, hash: string | undefined): Promise<boolean> {
  const bytes = utf8(password)
  // A longer one costs the same: guesses without a cost would displace the failures of others from the lockout's memory.
  const hashed = bytes.subarray(0, mostBytes)
  const equal = await hashing.run('matchesPassword', { password: hashed, hash: hash ?? unmatchableHash })
  return equal && hash !== undefined && bytes.length <= mostBytes
}
