import { createHmac } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { aeads } from '../ciphers/aead.ts'
import { cbcs } from '../ciphers/cbc.ts'
import type { CipherKey } from '../ciphers/cipher.ts'
import { cmac } from '../fast/cmac.ts'
import { digest, opensslHash } from '../hash.ts'
import type { MacHash } from '../hash.ts'

const ciphers = new Map([...Object.values(aeads), ...Object.values(cbcs)].map((cipher) => [cipher.name, cipher]))

/** A message for a cipher by name. */
interface LargeMessage {
  readonly cipher: string
  readonly key: KeyObject
  readonly associated?: Uint8Array
}

function keyOf({ cipher, key }: LargeMessage): CipherKey {
  const cached = ciphers.get(cipher)
  if (!cached) throw new RangeError(`no cipher is called ${cipher}`)
  const raw = key.export()
  const made = cached.key(raw)
  raw.fill(0)
  return made
}

/** Jobs on large messages, as another thread runs them. */
export const largeJobs = {
  encrypt: (message: LargeMessage & { readonly nonce: Uint8Array; readonly plaintext: Uint8Array }) =>
    keyOf(message).encrypt(message.nonce, message.plaintext, message.associated),
  decrypt: (message: LargeMessage & { readonly sealed: Uint8Array }) =>
    keyOf(message).decrypt(message.sealed, message.associated),
  digest: ({ hash, data }: { readonly hash: MacHash; readonly data: Uint8Array }) => digest(hash, data),
  hmac: ({ hash, key, data }: { readonly hash: MacHash; readonly key: KeyObject; readonly data: Uint8Array }) =>
    createHmac(opensslHash(hash), key).update(data).digest(),
  cmac: ({ key, data }: { readonly key: KeyObject; readonly data: Uint8Array }) => {
    const raw = key.export()
    const make = cmac(raw)
    raw.fill(0)
    return make(data)
  },
} as const
