import { refuse } from '../../contract/fault.ts'
import { sameBytes, wipe } from '../../util/bytes.ts'

/** Collects shares until there are enough. A repeated share counts once. */
export class ShareCollector {
  readonly threshold: number
  readonly nonce: string
  #shares: Uint8Array[] = []

  constructor(threshold: number, nonce: string) {
    this.threshold = threshold
    this.nonce = nonce
  }

  get progress(): number {
    return this.#shares.length
  }

  /**
   * Adds a share. Returns all of them when there are enough, and starts again; the caller must wipe them.
   * False: it was given before.
   */
  add(share: Uint8Array): readonly Uint8Array[] | undefined | false {
    if (this.#shares.some((collected) => sameBytes(collected, share))) return false
    this.#shares.push(Uint8Array.from(share))
    if (this.#shares.length < this.threshold) return undefined
    const all = this.#shares
    this.#shares = []
    return all
  }

  reset(): void {
    wipe(...this.#shares)
    this.#shares = []
  }
}

/** @throws Fault invalid_request if the nonce is not that of the operation. The error does not contain the correct one. */
export function checkNonce(wanted: string, nonce: string): void {
  if (wanted !== nonce)
    throw refuse(
      'incorrect nonce supplied; read the nonce of this operation from its status and give it with every share',
    )
}

/** @throws Fault invalid_request for a share that cannot be one. */
export function checkShareSize(share: Uint8Array): void {
  if (share.length < 16) throw refuse('key is shorter than minimum 16 bytes')
  if (share.length > 33) throw refuse('key is longer than maximum 33 bytes')
}

/** The error of a key-share operation whose shares were replaced by another one since its start. */
export const replaced = 'the shares of this server were replaced since this operation began; start it again'
