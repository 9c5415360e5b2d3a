import type { OaepHash } from './constants.ts'
import type { KeyName } from './keys.ts'

/** A ciphertext with what is needed to decrypt it, besides the key. */
export type TokenCiphertext =
  | { readonly mechanism: 'aes-gcm'; readonly iv: Uint8Array; readonly ciphertext: Uint8Array }
  | { readonly mechanism: 'rsa-oaep'; readonly hash: OaepHash; readonly ciphertext: Uint8Array }

/** What a token is asked. Jobs and answers cross between processes: they are plain data. */
export type TokenJob = {
  readonly lib: string
  readonly slot?: string
  readonly tokenLabel?: string
  readonly pin: string
  readonly key: KeyName
  /** Bound to a ciphertext of AES-GCM. */
  readonly associated: Uint8Array
} & (
  | {
      readonly action: 'encrypt'
      readonly plaintext: Uint8Array
      /** 12 random bytes. */
      readonly iv: Uint8Array
      /** Absent: as the key is, AES before RSA. */
      readonly mechanism?: TokenCiphertext['mechanism']
      readonly hash: OaepHash
    }
  | { readonly action: 'decrypt'; readonly ciphertext: TokenCiphertext }
)

export type TokenAnswer =
  | { readonly kind: 'encrypted'; readonly ciphertext: TokenCiphertext }
  | { readonly kind: 'decrypted'; readonly plaintext: Uint8Array }
  /** `pin`: it was refused, or must not be tried. `key`: the token has another key, or none. `device`: everything else. */
  | { readonly kind: 'failed'; readonly fault: 'pin' | 'key' | 'device'; readonly why: string }
