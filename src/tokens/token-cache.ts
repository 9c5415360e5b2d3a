import { hash } from 'node:crypto'
import type { TokenRecord } from '../contract/identity.ts'
import { recent } from '../util/caches/recent.ts'

interface Entry {
  readonly record: TokenRecord
  readonly until: number
  readonly epoch: number
}

/** The most ids of records that cached tokens depend on; beyond that a new epoch begins. */
const mostIds = 200_000

/**
 * Recently used tokens, by the SHA-256 of their string, to save the verification of signatures. A change of a record that a
 * cached token depends on, its own or that of an ancestor, starts a new epoch, in which all earlier entries are invalid.
 */
export class TokenCache {
  readonly #entries = recent<string, Entry>(50_000)
  readonly #ids = new Set<string>()
  #epoch = 0

  /** To be called before the records of a token are read. */
  get epoch(): number {
    return this.#epoch
  }

  get(token: string, now: number): TokenRecord | undefined {
    const entry = this.#entries.get(hashed(token))
    return entry && entry.epoch === this.#epoch && now < entry.until ? entry.record : undefined
  }

  /** The record with this id is about to be read for a token that may be cached. */
  restsOn(id: string): void {
    if (this.#ids.size >= mostIds) this.forget()
    this.#ids.add(id)
  }

  /** @param epoch the epoch in which the reading of the records began. */
  put(token: string, record: TokenRecord, until: number, epoch: number): void {
    this.#entries.set(hashed(token), { record, until, epoch })
  }

  /** Records of tokens have changed; undefined: all may have. */
  changed(ids: readonly string[] | undefined): void {
    if (ids === undefined || ids.some((id) => this.#ids.has(id))) this.forget()
  }

  /** Invalidates all entries. */
  forget(): void {
    this.#epoch++
    this.#ids.clear()
  }
}

const hashed = (token: string): string => hash('sha256', token, 'base64')
