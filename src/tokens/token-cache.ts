import { hash } from 'node:crypto'
import type { TokenRecord } from '../contract/identity.ts'
import { recent } from '../util/recent.ts'

interface Entry {
  readonly record: TokenRecord
  readonly until: number
  readonly epoch: number
}

/**
 * Tokens seen lately, by the SHA-256 of their string, so that no request pays for a signature check. Any revocation or
 * change of any token starts a new epoch, in which nothing known before counts.
 */
export class TokenCache {
  readonly #entries = recent<string, Entry>(50_000)
  epoch = 0

  get(token: string, now: number): TokenRecord | undefined {
    const entry = this.#entries.get(hashed(token))
    return entry && entry.epoch === this.epoch && now < entry.until ? entry.record : undefined
  }

  /** @param epoch the epoch in which the record was read. */
  put(token: string, record: TokenRecord, until: number, epoch: number): void {
    this.#entries.set(hashed(token), { record, until, epoch })
  }

  /** Nothing known so far counts any more. */
  forget(): void {
    this.epoch++
  }
}

const hashed = (token: string): string => hash('sha256', token, 'base64')
