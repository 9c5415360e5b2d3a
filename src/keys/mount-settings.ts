import type { KeyObject } from 'node:crypto'
import type { View } from '../contract/view.ts'
import { fromPrivateDer, pairs } from '../crypto/keys/pairs.ts'
import { base64 } from '../util/bytes.ts'
import { isBase64, isCount, shapeOf } from '../util/stored/shape.ts'
import { bytesOf } from './operations/ciphers.ts'
import type { Random } from './record.ts'

const wrappingRecord = 'config/wrapping'
const deletionRecord = 'config/deletion'

interface Wrapping {
  /** PKCS#8, base64. */
  readonly material: string
}

/** Which keys may be removed: those that were not used for so many seconds; 0 for all. */
interface Deletion {
  readonly guard: number
}

const deletionShape = shapeOf<Deletion>('a setting of a mount', { guard: isCount })
const wrappingShape = shapeOf<Wrapping>('a wrapping key', { material: isBase64 })

/** The settings of a mount that has keys, and the key pair for those to import. */
export class MountSettings {
  readonly #view: View
  readonly #random: Random

  constructor(view: View, random: Random) {
    this.#view = view
    this.#random = random
  }

  /** A key that was used within this time (seconds) is not removed; 0: no guard. */
  async deletionGuard(): Promise<number> {
    return (await this.#view.get(deletionRecord, deletionShape))?.guard ?? 0
  }

  async setDeletionGuard(seconds: number): Promise<void> {
    await this.#view.put(deletionRecord, { guard: seconds } satisfies Deletion)
  }

  /** The RSA-4096 key pair that wraps keys for import; generated at the first request for it. */
  async wrappingKey(): Promise<KeyObject> {
    const stored = await this.#view.get(wrappingRecord, wrappingShape)
    if (stored) return fromPrivateDer(bytesOf(stored.material))
    const fresh = await pairs.rsa4096.generate(this.#random)
    const earlier = await this.#view.transaction(async (tx) => {
      const taken = await tx.get(wrappingRecord, wrappingShape)
      if (!taken) tx.put(wrappingRecord, { material: base64(fresh.secretKey) } satisfies Wrapping)
      return taken
    })
    return fromPrivateDer(earlier ? bytesOf(earlier.material) : fresh.secretKey)
  }
}
