import { refuse } from '../../../contract/fault.ts'
import type { BeforeChange } from '../../../contract/route.ts'
import { isMacHash } from '../../../crypto/hash.ts'
import type { MacHash } from '../../../crypto/hash.ts'
import { base64, fromBase64 } from '../../../util/bytes.ts'
import type { LiveKey, Versioned } from '../../../keys/live-key.ts'
import type { Binding } from '../../../keys/key-material.ts'
import { mac, macVerified } from '../../../keys/operations/macs.ts'
import type { MacKind } from '../../../keys/operations/macs.ts'
import { sign, verify } from '../../../keys/operations/signing.ts'
import type { SigningOptions } from '../../../keys/operations/signing.ts'

const prefix = 'vault:v'

/** `vault:v<version>:` and an encoded body. */
function tagged(version: number, encoded: string): string {
  return `${prefix}${version}:${encoded}`
}

/** `vault:v<version>:<standard base64>`. */
export function writeCiphertext(version: number, bytes: Uint8Array): string {
  return tagged(version, base64(bytes))
}

/** A body that is decoded when its bytes are read: a refused version is reported first. */
class EncodedBody implements Versioned {
  readonly version: number
  readonly #encoded: string
  readonly #wrong: string
  readonly #decode: (encoded: string) => Uint8Array | undefined

  constructor(version: number, encoded: string, wrong: string, decode = fromBase64) {
    this.version = version
    this.#encoded = encoded
    this.#wrong = wrong
    this.#decode = decode
  }

  get bytes(): Uint8Array {
    const bytes = this.#decode(this.#encoded)
    if (!bytes) throw refuse(this.#wrong)
    return bytes
  }
}

/** Parses a ciphertext. Version 0 means 1, as in the oldest ones. @throws Fault invalid_request if it is malformed. */
export function readCiphertext(text: string): Versioned {
  const { version, rest } = readTag(text, 'invalid ciphertext')
  return new EncodedBody(version || 1, rest, 'invalid ciphertext: could not decode base64')
}

/** The version and the encoded rest of a string with Vault's prefix; `wrong` is the beginning of error messages. */
function readTag(text: string, wrong: string): { readonly version: number; readonly rest: string } {
  if (!text.startsWith(prefix)) throw refuse(`${wrong}: no prefix`)
  const end = text.indexOf(':', prefix.length)
  if (end < 0) throw refuse(`${wrong}: wrong number of fields`)
  const digits = text.slice(prefix.length, end)
  // One spelling for each version: otherwise one message would have many ciphertexts, which differ as strings.
  if (!/^(?:0|-?[1-9]\d{0,14})$/.test(digits)) throw refuse(`${wrong}: version number could not be decoded`)
  return { version: Number(digits), rest: text.slice(end + 1) }
}

/** `LiveKey.encrypt` with the members of Vault's response. */
export async function encryptText(
  key: LiveKey,
  plaintext: Uint8Array,
  version: number,
  binding: Binding,
  beforeChange: BeforeChange,
): Promise<{ readonly ciphertext: string; readonly key_version: number }> {
  const encrypted = key.encrypt(plaintext, version, binding, beforeChange)
  const made = encrypted instanceof Promise ? await encrypted : encrypted
  return { ciphertext: writeCiphertext(made.version, made.bytes), key_version: made.version }
}

/** `LiveKey.decrypt` of Vault's ciphertext. */
export async function decryptText(key: LiveKey, ciphertext: string, binding: Binding): Promise<Uint8Array> {
  key.mustAllow('decrypt')
  return key.decrypt(readCiphertext(ciphertext), binding)
}

/** A signature and its key version. `publicKey` is set for derived keys only. */
interface SignedText {
  readonly signature: string
  readonly version: number
  readonly publicKey: string | undefined
}

/** `sign` with Vault's signature: base64, or base64url with `jws`. */
export async function signText(
  key: LiveKey,
  input: Uint8Array,
  version: number,
  options: SigningOptions,
): Promise<SignedText> {
  const made = await sign(key, input, version, options)
  const encoded = options.jws ? Buffer.from(made.bytes).toString('base64url') : base64(made.bytes)
  return {
    signature: tagged(made.version, encoded),
    version: made.version,
    publicKey: key.record.kdf === null ? undefined : key.publicText(made.version, options.context),
  }
}

/** `verify` of Vault's signature. */
export async function verifyText(
  key: LiveKey,
  input: Uint8Array,
  signature: string,
  options: SigningOptions,
): Promise<boolean> {
  key.mustAllow('verify')
  const { version, rest } = readTag(signature, 'invalid signature')
  const decode = options.jws ? fromUrl : fromBase64
  const presented = new EncodedBody(version, rest, 'invalid base64 signature value', decode)
  return verify(key, input, presented, options)
}

/** Raw base64url (RFC 4648 §5) without padding; CR and LF are skipped, as with standard base64. */
function fromUrl(encoded: string): Uint8Array | undefined {
  const bare = encoded.replace(/[\r\n]/g, '')
  return /^[\w-]*$/.test(bare) && bare.length % 4 !== 1 ? Buffer.from(bare, 'base64url') : undefined
}

/** `mac` in Vault's form. */
export async function macText(key: LiveKey, kind: MacKind, input: Uint8Array, version: number): Promise<string> {
  const made = await mac(key, kind, input, version)
  return writeCiphertext(made.version, made.bytes)
}

/** `macVerified` of a MAC in Vault's form. */
export async function verifyMacText(key: LiveKey, kind: MacKind, input: Uint8Array, text: string): Promise<boolean> {
  key.mustBeEnabled()
  const { version, rest } = readTag(text, `invalid ${kind.name} to verify`)
  const presented = new EncodedBody(version, rest, `invalid ${kind.name} to verify: could not decode base64`)
  return macVerified(key, kind, input, presented)
}

/** A hash for HMACs, by the first of the names that is not empty. @throws Fault invalid_request for an unknown one. */
export function macHash(...names: readonly string[]): MacHash {
  const name = names.find((one) => one !== '') ?? 'sha2-256'
  if (!isMacHash(name)) throw refuse(`invalid hash algorithm ${JSON.stringify(name)}`)
  return name
}
