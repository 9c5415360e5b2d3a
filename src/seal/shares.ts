import { combine, split } from 'shamir-secret-sharing'
import { refuse } from '../contract/fault.ts'

const keyBytes = 32

/**
 * The shares of a key of 32 bytes, by Shamir's secret sharing over GF(2^8). They are Vault's: the bytes of the share and the x
 * coordinate as last byte (33 bytes); a single share is the key itself. @throws Fault invalid_request for counts that cannot be
 */
export async function splitKey(key: Uint8Array, shares: number, threshold: number): Promise<readonly Uint8Array[]> {
  checkCounts(shares, threshold)
  return shares === 1 ? [Uint8Array.from(key)] : split(new Uint8Array(key), shares, threshold)
}

/**
 * A key from a threshold of shares; undefined for what cannot be its shares. Whether it is the right key is the caller's to
 * check: the package checks neither lengths nor x = 0 nor whether shares belong together.
 * @param count the number of shares that there are
 */
export async function combineShares(count: number, shares: readonly Uint8Array[]): Promise<Uint8Array | undefined> {
  if (count === 1) return shares[0]?.length === keyBytes ? Uint8Array.from(shares[0]) : undefined
  const xs = new Set(shares.map((share) => share[keyBytes]))
  if (shares.some((share) => share.length !== keyBytes + 1) || xs.has(0) || xs.size !== shares.length) return undefined
  try {
    return await combine(shares.map((share) => new Uint8Array(share)))
  } catch {
    return undefined
  }
}

/** @throws Fault invalid_request naming the count that cannot be. */
export function checkCounts(shares: number, threshold: number): void {
  if (!Number.isInteger(shares) || shares < 1)
    throw refuse(
      'there must be at least one key share: set secret_shares (recovery_shares where a seal unseals the server) to 1 or more',
    )
  if (!Number.isInteger(threshold) || threshold < 1)
    throw refuse('the threshold must be at least one: set secret_threshold (recovery_threshold) to 1 or more')
  if (shares > 255) throw refuse('there can be no more than 255 key shares: ask for fewer of them')
  if (threshold > shares)
    throw refuse('the threshold cannot be larger than the number of shares: the server could never be unsealed')
  if (shares > 1 && threshold === 1) throw refuse('threshold must be greater than one for multiple shares')
}
