import { refuse } from '../../contract/fault.ts'
import { quantumOf } from '../../crypto/keys/pair-key.ts'
import type { KemName } from '../../crypto/keys/post-quantum.ts'
import { heavy } from '../../crypto/workers/heavy.ts'
import type { LiveKey, Versioned } from '../live-key.ts'

/** A ciphertext of FIPS 203 and the 32 bytes of the shared secret that belongs to it; the caller wipes them. */
interface Encapsulated extends Versioned {
  readonly secret: Uint8Array
}

/** Generates a shared secret for the owner of an ML-KEM key; version 0 is the latest. @throws Fault for keys of other types. */
export async function encapsulate(key: LiveKey, version: number): Promise<Encapsulated> {
  key.mustAllow('encapsulate')
  const number = key.versionToUse(version, 'encapsulation')
  const { name, bytes } = quantumOf(key.pair(number, undefined).publicKey)
  key.used(number)
  const { ciphertext, secret } = await heavy.run('encapsulate', { name: name as KemName, key: bytes })
  return { version: number, bytes: ciphertext, secret }
}

/** The shared secret of a ciphertext, 32 bytes; the caller wipes them. @throws Fault invalid_request as `LiveKey.decrypt` */
export async function decapsulate(key: LiveKey, ciphertext: Versioned): Promise<Uint8Array> {
  key.mustAllow('decapsulate')
  const { version } = ciphertext
  key.mustDecrypt(version)
  const { privateKey } = key.pair(version, undefined)
  if (!privateKey) throw refuse('this version has no private key: only its public key was imported')
  const { name, bytes } = quantumOf(privateKey)
  key.used(version)
  return heavy.run('decapsulate', { name: name as KemName, key: bytes, ciphertext: ciphertext.bytes })
}
