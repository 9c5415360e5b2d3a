import type { PublicKey } from 'openpgp'
import { refuse } from '../../contract/fault.ts'
import { fromBase64 } from '../../util/bytes.ts'

/** The public key of a recipient of secrets that are encrypted with OpenPGP (RFC 4880, RFC 9580). */
export interface PgpRecipient {
  /** Lower-case hexadecimal. */
  readonly fingerprint: string
  /** An OpenPGP message in its binary form that only the owner of the key can read. */
  encrypt(text: string): Promise<Uint8Array>
}

/**
 * Public keys as the Vault API takes them, each the base64 of its binary form. The library is loaded at the first use: it
 * is large, and most servers never need it.
 * @param field the name for error messages
 * @throws Fault invalid_request if it is not a public key that can currently be used for encryption
 */
export async function readPgpKeys(field: string, keys: readonly string[]): Promise<PgpRecipient[]> {
  const recipients: PgpRecipient[] = []
  for (const [at, key] of keys.entries()) recipients.push(await readPgpKey(`${field}, key ${at + 1}`, key))
  return recipients
}

/**
 * Keys that the library would not take by itself: DSA and ElGamal keys, which older holders have, and secp256k1. Sizes are
 * checked below. It verifies signatures on secp256k1 and Brainpool curves with `eckey-utils`, which it finds by name.
 */
const taken = { rejectPublicKeyAlgorithms: new Set<never>(), rejectCurves: new Set<never>() }
/** The smallest RSA, DSA and ElGamal keys, in bits. */
const leastBits = 2047

/** One public key; see readPgpKeys. */
export async function readPgpKey(field: string, encoded: string): Promise<PgpRecipient> {
  const bytes = fromBase64(encoded)
  if (!bytes || bytes.length === 0) throw refuse(`${field}: a PGP public key is given as the base64 of its binary form`)
  const { readKey } = await import('openpgp')
  let key
  try {
    key = await readKey({ binaryKey: bytes })
  } catch (cause) {
    throw refuse(`${field}: this is no PGP public key`, { cause })
  }
  if (key.isPrivate())
    throw refuse(`${field}: this is a private key; give the public one, and keep this one to yourself`)
  await mustEncrypt(field, key)
  return new Recipient(key)
}

/** @throws Fault invalid_request unless there is a valid key for encryption of sufficient length. */
async function mustEncrypt(field: string, key: PublicKey): Promise<void> {
  const { config } = await import('openpgp')
  let found
  try {
    found = await key.getEncryptionKey(undefined, undefined, undefined, { ...config, ...taken })
  } catch (cause) {
    throw refuse(
      `${field}: nothing can be encrypted for this PGP key: it is expired, revoked, too weak, or only for signatures`,
      { cause },
    )
  }
  for (const { bits = leastBits, algorithm } of [key.getAlgorithmInfo(), found.getAlgorithmInfo()]) {
    if (bits < leastBits) throw refuse(`${field}: its ${algorithm} key of ${bits} bits is too short: 2048 are needed`)
  }
}

class Recipient implements PgpRecipient {
  readonly #key: PublicKey

  constructor(key: PublicKey) {
    this.#key = key
  }

  get fingerprint(): string {
    return this.#key.getFingerprint()
  }

  async encrypt(text: string): Promise<Uint8Array> {
    const { createMessage, encrypt } = await import('openpgp')
    const message = await createMessage({ binary: Buffer.from(text) })
    const how = { encryptionKeys: this.#key, format: 'binary', config: taken } as const
    return encrypt({ message, ...how }) as Promise<Uint8Array>
  }
}
