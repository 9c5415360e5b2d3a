import { createPublicKey, sign, verify } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { readCheckpoint } from './checkpoint.ts'
import type { Note, NoteSignature } from './note.ts'
import { signatureTypes, verifierKey } from './verifier-key.ts'
import type { VerifierKey } from './verifier-key.ts'

/** Whether `signature` (without the key's id) is a valid signature of this key for a note's text. */
export function verifies({ name, type, key }: VerifierKey, text: string, signature: Uint8Array): boolean {
  if (type === signatureTypes.ed25519)
    return signature.length === 64 && verify(null, Buffer.from(text), ed25519Public(key), signature)
  if (type === signatureTypes.cosignature) {
    const time = signature.length === 8 + 64 ? timeOf(signature) : undefined
    return time !== undefined && verify(null, witnessed(time, text), ed25519Public(key), signature.subarray(8))
  }
  if (signature.length !== 8 + 2420) return false
  const message = cosigned(name, signature.subarray(0, 8), text)
  return message !== undefined && ml_dsa44.verify(signature.subarray(8), message, key)
}

/**
 * The known keys that signed a note. Signatures of unknown keys are passed over. Undefined when the signature of a known
 * key is wrong: such a note is not valid.
 */
export function signersOf(note: Note, keys: readonly VerifierKey[]): readonly VerifierKey[] | undefined {
  const signers: VerifierKey[] = []
  for (const { name, id, bytes } of note.signatures) {
    const key = keys.find((one) => one.name === name && one.id === id)
    if (!key || signers.includes(key)) continue
    if (!verifies(key, note.text, bytes)) return undefined
    signers.push(key)
  }
  return signers
}

/** A maker of signature lines for notes. */
export interface NoteSigner {
  readonly key: VerifierKey
  sign(text: string): NoteSignature
}

/** An Ed25519 signer. */
export function ed25519Signer(name: string, secret: KeyObject): NoteSigner {
  const der = createPublicKey(secret).export({ type: 'spki', format: 'der' })
  const key = verifierKey(name, signatureTypes.ed25519, Uint8Array.from(der.subarray(-32)))
  return { key, sign: (text) => ({ name, id: key.id, bytes: sign(null, Buffer.from(text), secret) }) }
}

/** A witness: signs checkpoints with the time at which it saw them. `now` returns epoch milliseconds. */
export function cosigner(name: string, secret: KeyObject, now: () => number): NoteSigner {
  const der = createPublicKey(secret).export({ type: 'spki', format: 'der' })
  const key = verifierKey(name, signatureTypes.cosignature, Uint8Array.from(der.subarray(-32)))
  const signed = (text: string): NoteSignature => {
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(now() / 1000))))
    const signature = sign(null, witnessed(timeOf(time), text), secret)
    return { name, id: key.id, bytes: Buffer.concat([time, signature]) }
  }
  return { key, sign: signed }
}

/** The time of a cosignature, seconds since the epoch. */
export function timeOf(signature: Uint8Array): bigint {
  return Buffer.from(signature.buffer, signature.byteOffset, 8).readBigUInt64BE()
}

function witnessed(time: bigint, text: string): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${time}\n${text}`)
}

/** An ML-DSA-44 signer of checkpoints, from a 32-byte seed. `now` returns epoch milliseconds: the signature contains the time. */
export function mlDsa44Signer(name: string, seed: Uint8Array, now: () => number): NoteSigner {
  const { secretKey, publicKey } = ml_dsa44.keygen(seed)
  const key = verifierKey(name, signatureTypes.mlDsa44, publicKey)
  const signed = (text: string): NoteSignature => {
    const time = Buffer.alloc(8)
    time.writeBigUInt64BE(BigInt(Math.max(0, Math.floor(now() / 1000))))
    const message = cosigned(name, time, text)
    if (!message) throw new RangeError('only checkpoints can be cosigned')
    return { name, id: key.id, bytes: Buffer.concat([time, ml_dsa44.sign(message, secretKey)]) }
  }
  return { key, sign: signed }
}

const label = Buffer.from('subtree/v1\n\0')

/** `cosigned_message` of C2SP tlog-cosignature for a checkpoint's text; undefined if it is not a checkpoint. */
function cosigned(name: string, time: Uint8Array, text: string): Uint8Array | undefined {
  const checkpoint = readCheckpoint(text)
  const names = [name, checkpoint?.origin ?? ''].map((one) => Buffer.from(one))
  if (!checkpoint || names.some(({ length }) => length === 0 || length > 255)) return undefined
  const [by, origin] = names.map((one) => Buffer.concat([Buffer.from([one.length]), one])) as [Buffer, Buffer]
  const span = Buffer.alloc(16)
  span.writeBigUInt64BE(BigInt(checkpoint.size), 8)
  return Buffer.concat([label, by, time, origin, span, checkpoint.root])
}

const ed25519Prefix = Buffer.from('302a300506032b6570032100', 'hex')

function ed25519Public(key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([ed25519Prefix, key]), format: 'der', type: 'spki' })
}
