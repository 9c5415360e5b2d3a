import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Forms } from '../../contract/field.ts'
import { parameterSet, typeNamed } from '../../crypto/keys/key-types.ts'
import { oaepHashes } from '../../crypto/ciphers/key-wrap.ts'
import type { OaepHash } from '../../crypto/ciphers/key-wrap.ts'
import type { OaepOptions } from '../../crypto/ciphers/oaep.ts'
import { fromBase64 } from '../../util/bytes.ts'
import { textOf } from './batch.ts'
import type { Item } from './batch.ts'
import type { Binding } from '../../keys/key-material.ts'
import { decodeContext } from '../../keys/operations/ciphers.ts'

/** Types of a parameter with a default that the handler accepts. */
export const usual =
  (value: string): Forms =>
  (input) =>
    input === undefined ? [value] : []

/** Both of Vault's names of a type: `ml-dsa-65`, and `ml-dsa` with a parameter set. */
export const typeForms: Forms = (value, { parameter_set: set }) => {
  const type = typeof value === 'string' ? typeNamed(value, typeof set === 'string' ? set : '') : undefined
  return type && parameterSet(type) !== undefined ? [type, type.replace(/-(\d+)$|^(slh-dsa)-.*$/, '$2')] : []
}

/** The parameter set that is part of the type. */
function setForms(value: unknown, type: unknown): readonly unknown[] {
  const named = typeof type === 'string' && value === undefined ? typeNamed(type, '') : undefined
  return [named && parameterSet(named)].filter((set) => set !== undefined)
}

/** Fields that several routes share. */
export const shared = {
  name: f.string('Name of the key.').or(''),
  context: f.string('The context of a derived key, base64.').or(''),
  associated_data: f.string('Data bound to the ciphertext but not in it, base64.').or(''),
  padding_scheme: f.string('RSA: oaep.').reads(usual('oaep')).or(''),
  hash_function: f
    .string('RSA-OAEP: SHA1, SHA224, SHA256, SHA384 or SHA512. Default: SHA256.')
    .reads(usual('SHA256'))
    .or(''),
  oaep_label: f.string('RSA-OAEP: the label to which the ciphertext is bound, base64.').or(''),
  key_version: f.int('The version to encrypt with; 0: the latest.').or(0),
  partial_failure_response_code: f.int('The status if only some items failed. Default: 400.'),
  parameter_set: f
    .string('The parameter set of the types ml-dsa, ml-kem and slh-dsa, for example 65.')
    .reads((value, { type }) => setForms(value, type))
    .or(''),
}

/** A list of items in place of a single one. @param names the parameters of items; all others apply to all items */
export const batchInput = (...names: readonly string[]) =>
  f.any('A list of items instead of a single one.').batch(names)

const inputRefused = 'unable to decode the input as base64: it must be standard base64 with padding'

/** The fields that `binding` reads. */
export const bindingFields = {
  context: shared.context,
  associated_data: shared.associated_data,
  padding_scheme: shared.padding_scheme,
  hash_function: shared.hash_function,
  oaep_label: shared.oaep_label,
}

/** Their names: items of batches have them, too. */
export const bindingNames = Object.keys(bindingFields)

/** @throws Fault invalid_request if it is not base64. */
export function bytesOf(text: string, name: string): Uint8Array {
  const bytes = fromBase64(text)
  if (!bytes) throw refuse(name === 'input' ? inputRefused : `failed to base64-decode ${name}`)
  return bytes
}

/** The binding of a message, from the members of a request or of an item of a batch. */
export function binding(item: Item): Binding {
  const [context, associated] = [textOf(item, 'context'), textOf(item, 'associated_data')]
  if (context !== '') decodeContext(context)
  const oaep = oaepOf(item)
  return {
    ...(context !== '' && { context }),
    ...(associated !== '' && { associated: bytesOf(associated, 'associated_data') }),
    ...(oaep && { oaep }),
  }
}

function oaepOf(item: Item): OaepOptions | undefined {
  const [scheme, hash, label] = [
    textOf(item, 'padding_scheme'),
    textOf(item, 'hash_function'),
    textOf(item, 'oaep_label'),
  ]
  if (scheme === 'pkcs1v15') throw refuse('pkcs1v15 is an oracle for decryption: use oaep')
  if (scheme !== '' && scheme !== 'oaep') throw refuse('the only padding_scheme there is here: oaep')
  if (scheme === '' && hash === '' && label === '') return undefined
  return { hash: hash === '' ? 'sha256' : oaepHash(hash), label: bytesOf(label, 'oaep_label') }
}

/** A hash function of OAEP, in any letter case. */
export function oaepHash(name: string): OaepHash {
  const hash = oaepHashes.find((one) => one === name.toLowerCase())
  if (!hash) throw refuse(`unknown hash function: ${name}`)
  return hash
}

/** The `input` of an item. @throws Fault invalid_request if it is missing, or is not base64. */
export function inputOf(item: Item, purpose: string): Uint8Array {
  if (item['input'] === undefined || item['input'] === null) throw refuse(`missing input for ${purpose}`)
  return bytesOf(textOf(item, 'input'), 'input')
}
