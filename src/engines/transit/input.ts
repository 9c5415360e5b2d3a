import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { fromBase64 } from '../../util/bytes.ts'
import { textOf } from './batch.ts'
import type { Item } from './batch.ts'
import type { Binding } from './live-key.ts'
import { decodeContext } from './sealers.ts'

/** Fields that several routes share. */
export const shared = {
  name: f.string('Name of the key.').or(''),
  context: f.string('What a derived key is derived for, base64.').or(''),
  associated_data: f.string('Data bound to the ciphertext but not in it, base64.').or(''),
  key_version: f.int('The version to encrypt with; 0: the latest.').or(0),
  batch_input: f.any('A list of items instead of a single one.'),
  partial_failure_response_code: f.int('The status when only some items failed; 400 unless given.'),
  after: f.string('Names behind this one.').or(''),
  limit: f.int('At most so many names.').or(0),
}

const inputRefused = 'unable to decode the input as base64: it must be standard base64 with padding'

/** @throws Fault invalid_request for what is not base64. */
export function bytesOf(text: string, name: string): Uint8Array {
  const bytes = fromBase64(text)
  if (!bytes) throw refuse(name === 'input' ? inputRefused : `failed to base64-decode ${name}`)
  return bytes
}

/** What binds a message, from its base64 parts. */
export function binding(context: string, associated: string): Binding {
  if (context !== '') decodeContext(context)
  return {
    ...(context !== '' && { context }),
    ...(associated !== '' && { associated: bytesOf(associated, 'associated_data') }),
  }
}

/** The `input` of an item. @throws Fault invalid_request when there is none, or it is no base64. */
export function inputOf(item: Item, purpose: string): Uint8Array {
  if (item['input'] === undefined || item['input'] === null) throw refuse(`missing input for ${purpose}`)
  return bytesOf(textOf(item, 'input'), 'input')
}
