import { refuse } from '../../contract/fault.ts'
import { readPgpKeys } from '../../crypto/keys/pgp.ts'
import type { PgpRecipient } from '../../crypto/keys/pgp.ts'
import { hex } from '../../util/bytes.ts'

/** The recipients of the shares: unnamed, in plaintext, or each with a PGP key. */
export class ShareRecipients {
  readonly #recipients: readonly PgpRecipient[]

  private constructor(recipients: readonly PgpRecipient[]) {
    this.#recipients = recipients
  }

  /** @param pgpKeys none, or one for each share. @throws Fault invalid_request */
  static async of(pgpKeys: readonly string[], shares: number): Promise<ShareRecipients> {
    if (pgpKeys.length > 0 && pgpKeys.length !== shares)
      throw refuse(`incorrect number of PGP keys: there are ${pgpKeys.length} for ${shares} shares; give one for each`)
    return new ShareRecipients(await readPgpKeys('pgp_keys', pgpKeys))
  }

  /** Of their keys, in the order of the shares; empty when the shares are handed out in clear. */
  get fingerprints(): readonly string[] {
    return this.#recipients.map(({ fingerprint }) => fingerprint)
  }

  /** The shares for the recipients: unchanged, or the OpenPGP message with the hexadecimal form of each. */
  async hand(shares: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    if (this.#recipients.length === 0) return shares
    return Promise.all(this.#recipients.map(async (holder, at) => holder.encrypt(hex(shares[at] ?? new Uint8Array()))))
  }
}
