import { base64, fromBase64, text, utf8, wipe } from '../util/bytes.ts'
import { BrokenRecord, decryptValue, encryptValue } from './frame.ts'

/** One encryption key and the time of its installation. Times are epoch milliseconds. */
interface Term {
  readonly term: number
  readonly key: Uint8Array
  readonly installedAt: number
}

/** All that the root key protects: the terms, the key of the names, and the id that ties records to this store. */
export interface Keyring {
  readonly storeId: string
  readonly nameKey: Uint8Array
  readonly terms: readonly Term[]
  /** Whether the store has digests of its records: then missing digests are damage. */
  readonly digests: boolean
}

const place = 'keyring'

/** A new keyring with one term. */
export function freshKeyring(random: (bytes: number) => Uint8Array, now: number): Keyring {
  return {
    storeId: base64(random(16)),
    nameKey: random(64),
    terms: [{ term: 1, key: random(32), installedAt: now }],
    digests: true,
  }
}

/** The same keyring with one more term. */
export function withNextTerm(keyring: Keyring, random: (bytes: number) => Uint8Array, now: number): Keyring {
  return {
    ...keyring,
    terms: [...keyring.terms, { term: activeTerm(keyring).term + 1, key: random(32), installedAt: now }],
  }
}

/** The term that new values are sealed under. */
export function activeTerm(keyring: Keyring): Term {
  return keyring.terms[keyring.terms.length - 1] as Term
}

/** The keyring as it is stored: JSON, sealed under the root key at the place `keyring`. */
export function wrapKeyring(keyring: Keyring, root: Uint8Array, random: (bytes: number) => Uint8Array): Uint8Array {
  const plain = utf8(
    JSON.stringify({
      store_id: keyring.storeId,
      name_key: base64(keyring.nameKey),
      terms: keyring.terms.map(({ term, key, installedAt }) => ({ term, key: base64(key), installed_at: installedAt })),
      digests: keyring.digests,
    }),
  )
  const wrapped = encryptValue(root, 0, place, plain, random)
  wipe(plain)
  return wrapped
}

interface StoredKeyring {
  readonly store_id: string
  readonly name_key: string
  readonly terms: readonly { readonly term: number; readonly key: string; readonly installed_at: number }[]
  /** Absent in the records of a release without digests. */
  readonly digests?: boolean
}

/** Decrypts a stored keyring. Undefined if `root` is not its root key. */
export function unwrapKeyring(wrapped: Uint8Array, root: Uint8Array): Keyring | undefined {
  try {
    const plain = decryptValue(root, place, wrapped)
    const stored = JSON.parse(text(plain)) as StoredKeyring
    wipe(plain)
    const terms = stored.terms.map(({ term, key, installed_at }) => ({
      term,
      key: bytesOf(key),
      installedAt: installed_at,
    }))
    return { storeId: stored.store_id, nameKey: bytesOf(stored.name_key), terms, digests: stored.digests === true }
  } catch (thrown) {
    if (thrown instanceof BrokenRecord) return undefined
    throw thrown
  }
}

/** Overwrites every key. */
export function wipeKeyring(keyring: Keyring): void {
  wipe(keyring.nameKey, ...keyring.terms.map(({ key }) => key))
}

function bytesOf(encoded: string): Uint8Array {
  const bytes = fromBase64(encoded)
  if (!bytes) throw new BrokenRecord('the keyring holds something that is not base64')
  return bytes
}
