import type { View } from '../../contract/view.ts'
import { refuse } from '../../contract/fault.ts'
import { isListOf, isMapOf, isName, shapeOf } from '../../util/stored/shape.ts'

/** Shares that a rekey encrypted for their recipients, stored in case they are lost (Vault: `rekey/backup`). */
interface ShareBackup {
  /** Of the rekey that created them. */
  readonly nonce: string
  /** OpenPGP messages by the fingerprint of the key they are for, in hexadecimal. */
  readonly keys: Readonly<Record<string, readonly string[]>>
}

const isHex = (value: unknown): boolean => typeof value === 'string' && /^(?:[0-9a-f]{2})+$/.test(value)
const backupShape = shapeOf<ShareBackup>('a backup of key shares', { nonce: isName, keys: isMapOf(isListOf(isHex)) })

const name = 'share-backup'

/** The record of that backup in the barrier. It has only encrypted shares. */
export class ShareBackups {
  readonly #view: View

  constructor(view: View) {
    this.#view = view
  }

  /** @throws Fault invalid_request if there is none. */
  async read(): Promise<ShareBackup> {
    const backup = await this.#view.get(name, backupShape)
    if (backup) return backup
    throw refuse('no backed-up keys found')
  }

  async remove(): Promise<void> {
    await this.#view.del(name)
  }

  /** Stores messages, one for each fingerprint; they replace the previous ones. */
  async keep(nonce: string, fingerprints: readonly string[], messages: readonly Uint8Array[]): Promise<void> {
    const keys: Record<string, string[]> = {}
    for (const [at, print] of fingerprints.entries())
      (keys[print] ??= []).push(Buffer.from(messages[at] ?? []).toString('hex'))
    await this.#view.put(name, { nonce, keys } satisfies ShareBackup)
  }
}
