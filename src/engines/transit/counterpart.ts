import { refuse } from '../../contract/fault.ts'
import type { BodyLimits, Request } from '../../contract/request.ts'
import { jsonLimits } from '../../util/json-limits.ts'
import type { Item } from './batch.ts'

/** The member of a result, and the operation that accepts it. */
export interface Making {
  readonly member: 'ciphertext' | 'signature' | 'hmac' | 'cmac' | 'backup'
  readonly takenBy: 'decrypt' | 'verify' | 'decapsulate' | 'restore'
  /** The cure for a result that is too large; absent: to send less at a time. */
  readonly advice?: string
}

/** Members of a request that its counterpart needs again. */
const repeated = [
  'input',
  'context',
  'associated_data',
  'padding_scheme',
  'hash_function',
  'oaep_label',
  'reference',
] as const

/** Space for the members that a request has once: its batch, names of algorithms, a context of signatures. */
const once = { bytes: 2048, tokens: 64 }
/** Blanks, quotes, colon and comma around a member and around an item, as the more generous writers of JSON set them. */
const around = { member: 8, item: 4 }
/** A version number grows with rotations: the result of a rewrap must still fit. */
const growth = 8

/**
 * Counts the size of the request that would send a result back. A ciphertext is longer than its plaintext, and a
 * signature is sent with its input: a result that could not be sent back to the same listener is refused.
 */
export class Counterpart {
  readonly #limits: BodyLimits
  readonly #making: Making
  #bytes = once.bytes
  #tokens = once.tokens

  constructor({ limits = jsonLimits }: Pick<Request, 'limits'>, making: Making) {
    this.#limits = limits
    this.#making = making
  }

  /**
   * Counts one item and its result; a failed item has none. Returns the result.
   * @throws Fault invalid_request when the counterpart's request would be refused.
   */
  add<R extends Item>(item: Item, result: R): R {
    const made = result[this.#making.member]
    if (typeof made !== 'string') return result
    this.#count(this.#making.member, made.length + growth)
    for (const name of repeated) {
      const value = item[name]
      if (value !== undefined && value !== null && value !== '') this.#count(name, sizeOf(value))
    }
    this.#bytes += around.item
    this.#tokens++
    this.#mustFit()
    return result
  }

  #count(name: string, bytes: number): void {
    this.#bytes += name.length + around.member + bytes
    this.#tokens += 2
  }

  #mustFit(): void {
    const { bytes, tokens } = this.#limits
    if (this.#bytes > bytes) throw this.#refusal(`${bytes} bytes (max_request_size in the configuration)`)
    if (this.#tokens > tokens) throw this.#refusal(`${tokens} names and values`)
  }

  #refusal(limit: string): Error {
    const { member, takenBy, advice = 'send less at a time' } = this.#making
    return refuse(
      `the request is too large: ${takenBy} could not take the ${member} back in one request of at most ${limit}; ${advice}`,
    )
  }
}

/** The bytes of a value as JSON, at most: some encoders escape all characters that are not ASCII. */
function sizeOf(value: unknown): number {
  const isPlain = typeof value === 'string' && !/[^ !#-[\]-~]/.test(value)
  if (isPlain) return value.length + 2
  const encoded = JSON.stringify(value) ?? ''
  return encoded.length + 5 * (Buffer.byteLength(encoded) - encoded.length)
}
