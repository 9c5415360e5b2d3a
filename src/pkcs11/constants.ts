/** Numbers of PKCS#11 2.40 (OASIS, `pkcs11t.h`) that this server uses. */
export const cko = { publicKey: 2n, privateKey: 3n, secretKey: 4n } as const
export const ckk = { rsa: 0n, aes: 0x1fn } as const
export const cka = {
  class: 0n, label: 3n, keyType: 0x100n, id: 0x102n, decrypt: 0x105n, modulus: 0x120n, publicExponent: 0x122n,
} as const // prettier-ignore
export const ckm = { rsaOaep: 9n, aesGcm: 0x1087n } as const
export const ckf = { rwSession: 2n, serialSession: 4n, finalTry: 0x20000n, pinLocked: 0x40000n } as const
export const cku = { user: 1n } as const

/** The hashes of RSA-OAEP: the mechanism of the hash, and the mask generation function with it. */
export const oaepHashes = {
  sha1: { hash: 0x220n, mgf: 1n },
  sha224: { hash: 0x255n, mgf: 5n },
  sha256: { hash: 0x250n, mgf: 2n },
  sha384: { hash: 0x260n, mgf: 3n },
  sha512: { hash: 0x270n, mgf: 4n },
} as const
export type OaepHash = keyof typeof oaepHashes

/** Return values, by their names without CKR_. */
export const ckr = {
  ok: 0,
  hostMemory: 0x02,
  generalError: 0x05,
  functionFailed: 0x06,
  deviceError: 0x30,
  deviceMemory: 0x31,
  deviceRemoved: 0x32,
  encryptedDataInvalid: 0x40,
  encryptedDataLenRange: 0x41,
  mechanismInvalid: 0x70,
  mechanismParamInvalid: 0x71,
  pinIncorrect: 0xa0,
  pinInvalid: 0xa1,
  pinLenRange: 0xa2,
  pinExpired: 0xa3,
  pinLocked: 0xa4,
  tokenNotPresent: 0xe0,
  tokenNotRecognized: 0xe1,
  slotIdInvalid: 0x03,
  argumentsBad: 0x07,
  keyFunctionNotPermitted: 0x68,
  userAlreadyLoggedIn: 0x100,
  userPinNotInitialized: 0x102,
} as const

/** `CKR_PIN_INCORRECT`, as the standard and the tools of HSMs call it; the number when it is not known here. */
export function nameOf(value: number): string {
  const found = Object.entries(ckr).find(([, one]) => one === value)
  if (!found) return `0x${value.toString(16).padStart(8, '0')}`
  return `CKR_${found[0].replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
}
