import { plainKeys } from '../contract/barrier.ts'
import { Fault } from '../contract/fault.ts'
import type { Op, Rev, Storage } from '../contract/storage.ts'
import { sameBytes } from '../util/bytes.ts'
import { wrapKeyring } from './keyring.ts'
import type { Keyring } from './keyring.ts'
import { committed } from './storing.ts'
import type { Unsealed } from './unsealed.ts'

/** The stored form of a keyring: the wrapped keyring, and the expected revision for a change of it. */
interface WrappedKeyring {
  readonly value: Uint8Array
  readonly rev: Rev
}

/** The keyring in the storage. */
export class StoredKeyring {
  readonly #storage: Storage
  readonly #random: (bytes: number) => Uint8Array
  /** The keyring that this process stored last, or is about to store. */
  #own: Uint8Array | undefined

  constructor({ storage, random }: { readonly storage: Storage; readonly random: (bytes: number) => Uint8Array }) {
    this.#storage = storage
    this.#random = random
  }

  /** Undefined before the initialisation. */
  async read(): Promise<WrappedKeyring | undefined> {
    const [entry] = await this.#storage.get([plainKeys.keyring])
    return entry
  }

  /** Whether this process stored it last, or is about to. */
  isOwn(value: Uint8Array): boolean {
    return this.#own !== undefined && sameBytes(value, this.#own)
  }

  /**
   * Expects the keyring of this process: one that another process stored, or a change of unknown outcome, must not
   * be overwritten. Wraps before it waits for anything, because `seal` wipes the keys in place.
   * @throws Fault unavailable
   */
  async replace(unsealed: Unsealed, keyring: Keyring, root: Uint8Array, along: readonly Op[]): Promise<Rev> {
    const value = wrapKeyring(keyring, root, this.#random)
    const stamped = unsealed.records.stamp([{ put: plainKeys.keyring, value }, ...along])
    const expect = [{ key: plainKeys.keyring, rev: unsealed.keyringRev }]
    this.#own = value
    const result = await committed(this.#storage, { expect, ops: stamped.ops })
    if (typeof result === 'string')
      throw new Fault(
        'unavailable',
        'the stored keyring is not the one in use; seal and unseal the server, then try again',
      )
    unsealed.records.acknowledged(stamped)
    return result.rev
  }
}
