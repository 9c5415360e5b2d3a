const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A random string of `length` letters and digits (5.95 bits each), as in Vault's tokens and accessors. Each is equally likely. */
export function base62(length: number, random: (n: number) => Uint8Array): string {
  let result = ''
  while (result.length < length) {
    // Bytes from 248 up are dropped: 248 is the largest multiple of 62 below 256.
    for (const byte of random(length)) if (byte < 248 && result.length < length) result += letters[byte % 62] as string
  }
  return result
}
