import { aeads } from './aead.ts'
import type { Aead } from './aead.ts'

/** What a key may be used for. `derive` is the agreement on a shared secret, not the derivation of subkeys. */
export type KeyUse = 'encrypt' | 'decrypt' | 'wrap' | 'unwrap' | 'sign' | 'verify' | 'mac' | 'derive'

/** Everything that is special about one type of key. */
export interface KeyType {
  /** All that a key of this type can do; a key's own usage set is part of it. */
  readonly uses: readonly KeyUse[]
  /** Whether subkeys can be derived for a context. */
  readonly derivable: boolean
  /** Whether it can encrypt equal plaintexts to equal ciphertexts under derived keys. */
  readonly convergent: boolean
  /** The cipher, for types that encrypt with authentication and associated data. */
  readonly aead?: Aead
  /** Fresh key material in the form that is stored. */
  readonly generate: (random: (bytes: number) => Uint8Array) => Uint8Array
}

function aeadType(aead: Aead): KeyType & { readonly aead: Aead } {
  return {
    uses: ['encrypt', 'decrypt', 'wrap', 'unwrap'],
    derivable: true,
    convergent: true,
    aead,
    generate: (random) => random(aead.keyBytes),
  }
}

/** Every type of key, by Vault's name for it: the only place that knows what a type can do. */
export const keyTypes = {
  'aes128-gcm96': aeadType(aeads.aes128gcm),
  'aes256-gcm96': aeadType(aeads.aes256gcm),
  'chacha20-poly1305': aeadType(aeads.chacha20poly1305),
  'xchacha20-poly1305': aeadType(aeads.xchacha20poly1305),
} as const satisfies Record<string, KeyType>
export type KeyTypeName = keyof typeof keyTypes

/** Whether a text names a type of key, to the letter. */
export function isKeyType(name: string): name is KeyTypeName {
  return Object.hasOwn(keyTypes, name)
}

/** The row of a type. */
export function keyType(name: KeyTypeName): KeyType {
  return keyTypes[name]
}
