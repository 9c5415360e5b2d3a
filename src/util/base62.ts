const letters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Random text of `length` letters and digits (5.95 bits each), as Vault makes tokens and accessors. No letter is favoured. */
export function base62(length: number, random: (n: number) => Uint8Array): string {
  let made = ''
  while (made.length < length) {
    // Bytes from 248 up are dropped: 248 is the largest multiple of 62 below 256.
    for (const byte of random(length)) if (byte < 248 && made.length < length) made += letters[byte % 62] as string
  }
  return made
}
