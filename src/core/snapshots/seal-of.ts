import { plainKeys } from '../../contract/barrier.ts'
import { refuse } from '../../contract/fault.ts'
import type { SealRecord } from '../../contract/seal.ts'
import type { Entry } from '../../contract/storage.ts'
import type { SealManager } from '../seal/seal-manager.ts'

/** Finds seal and keyring among the records of a snapshot. */
export class SealOf {
  readonly #manager: Pick<SealManager, 'recordIn'>
  #seal: SealRecord | undefined
  #hasKeyring = false

  constructor(manager: Pick<SealManager, 'recordIn'>) {
    this.#manager = manager
  }

  read(entries: readonly Entry[]): void {
    for (const { key, value } of entries)
      if (key === plainKeys.keyring) this.#hasKeyring = true
      else if (key === plainKeys.seal) this.#seal = this.#manager.recordIn(value)
  }

  async *reading(pages: AsyncIterable<readonly Entry[]>): AsyncGenerator<readonly Entry[]> {
    for await (const page of pages) {
      this.read(page)
      yield page
    }
  }

  /** @throws Fault invalid_request */
  get record(): SealRecord {
    if (this.#seal && this.#hasKeyring) return this.#seal
    throw refuse('the snapshot lacks the record of a seal, or the keyring: nobody could unseal it')
  }
}
