import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { BeforeChange } from '../../../contract/route.ts'
import { base64 } from '../../../util/bytes.ts'
import { checkContexts, intOf, itemsOf, runBatch, textOf } from '../batch.ts'
import type { Item } from '../batch.ts'
import { decryptText, encryptText } from '../formats/ciphertext.ts'
import { decryptedMembers, encryptedMembers, orBatch } from '../members.ts'
import { batchInput, binding, bindingFields, bindingNames, shared } from '../input.ts'
import type { LiveKey } from '../../../keys/live-key.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'
import { decryptable, statusCode, warned } from './encrypt.ts'

const { write } = routesOf<Transit>()
const ciphertext = f.string('The ciphertext: vault:v<version>:<base64>.').or('')

/** `decrypt/:name`. */
export const decrypt = write('decrypt/:name', {
  about: 'Decrypt data with a named key.',
  returns: orBatch(decryptedMembers),
  pure: true,
  fields: {
    name: shared.name,
    ciphertext,
    ...bindingFields,
    batch_input: batchInput('ciphertext', ...bindingNames),
    partial_failure_response_code: shared.partial_failure_response_code,
  },
  handle: async ({ engine }, values) => {
    const batch = values.batch_input !== undefined && values.batch_input !== null
    if (!batch && values.ciphertext === '') throw refuse('missing ciphertext to decrypt')
    const items = batch ? itemsOf(values.batch_input) : []
    const key = await engine.keys.need(values.name)
    if (!batch)
      return answer({
        plaintext: base64(await decryptText(key, values.ciphertext, binding(values))),
      })
    checkContexts(items)
    const code = values.partial_failure_response_code
    const response = await runBatch(
      items,
      { failsWhole: true, partialFailureCode: statusCode(code), whenFailed: { plaintext: '' } },
      async (item) => ({
        plaintext: base64(await decrypted(key, item)),
      }),
    )
    return warned(response, code)
  },
})

const rewrapFields = {
  name: shared.name,
  ciphertext,
  ...bindingFields,
  key_version: shared.key_version,
  batch_input: batchInput('ciphertext', 'key_version', ...bindingNames),
}

/** The key of the ciphertext, and the key that encrypts it again. */
interface Keys {
  readonly from: LiveKey
  readonly to: LiveKey
  readonly beforeChange: BeforeChange
}

/** `rewrap/:name`: decrypts, and encrypts again with another version; the response has no plaintext. */
export const rewrap = write('rewrap/:name', {
  about: 'Encrypt a ciphertext again with another version of its key.',
  returns: orBatch(encryptedMembers),
  pure: true,
  fields: rewrapFields,
  handle: async ({ engine, request, beforeChange }, values) => {
    if (!isBatch(values) && values.ciphertext === '') throw refuse('missing ciphertext to decrypt')
    const key = await engine.keys.need(values.name)
    return rewrapAny({ from: key, to: key, beforeChange }, values, new Counterpart(request, decryptable))
  },
})

/** `reencrypt/:name/:target`: rewraps with another key. It has its own path, so that a policy can name both keys. */
export const reencrypt = write('reencrypt/:name/:target', {
  about: 'Encrypt a ciphertext again with another key; context and associated data are the same for both.',
  returns: orBatch(encryptedMembers),
  pure: true,
  fields: { ...rewrapFields, target: f.string('Name of the key to encrypt with.').or('') },
  handle: async ({ engine, request, beforeChange }, values) => {
    if (!isBatch(values) && values.ciphertext === '') throw refuse('missing ciphertext to decrypt')
    const [from, to] = await Promise.all([engine.keys.need(values.name), engine.keys.find(values.target)])
    if (!to) throw refuse(`the target key was not found: make the key ${values.target} first`)
    return rewrapAny({ from, to, beforeChange }, values, new Counterpart(request, decryptable))
  },
})

function isBatch({ batch_input: batch }: { readonly batch_input: unknown }): boolean {
  return batch !== undefined && batch !== null
}

async function rewrapAny(keys: Keys, values: { readonly batch_input: unknown }, back: Counterpart): Promise<Response> {
  if (!isBatch(values)) return answer(back.add(values, await rewrapped(keys, values)))
  const items = itemsOf(values.batch_input)
  checkContexts(items)
  return runBatch(items, { failsWhole: false, back }, (item) => rewrapped(keys, item))
}

async function decrypted(key: LiveKey, item: Item): Promise<Uint8Array> {
  const text = textOf(item, 'ciphertext')
  if (text === '') throw refuse('missing ciphertext to decrypt')
  return decryptText(key, text, binding(item))
}

async function rewrapped({ from, to, beforeChange }: Keys, item: Item): Promise<Readonly<Record<string, unknown>>> {
  const plaintext = await decrypted(from, item)
  const made = await encryptText(to, plaintext, intOf(item, 'key_version'), binding(item), beforeChange)
  plaintext.fill(0)
  return made
}
