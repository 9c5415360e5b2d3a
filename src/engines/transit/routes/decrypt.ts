import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { base64 } from '../../../util/bytes.ts'
import { checkContexts, intOf, itemsOf, runBatch, textOf } from '../batch.ts'
import type { Item } from '../batch.ts'
import { binding, shared } from '../input.ts'
import type { LiveKey } from '../live-key.ts'
import type { Transit } from '../transit.ts'
import { statusCode, warned } from './encrypt.ts'

const { write } = routesOf<Transit>()
const ciphertext = f.string('The ciphertext: vault:v<version>:<base64>.').or('')

/** `decrypt/:name`. */
export const decrypt = write('decrypt/:name', {
  about: 'Decrypt data with a named key.',
  pure: true,
  fields: {
    name: shared.name,
    ciphertext,
    context: shared.context,
    associated_data: shared.associated_data,
    batch_input: shared.batch_input,
    partial_failure_response_code: shared.partial_failure_response_code,
  },
  handle: async ({ engine }, values) => {
    const batch = values.batch_input !== undefined && values.batch_input !== null
    if (!batch && values.ciphertext === '') throw refuse('missing ciphertext to decrypt')
    const items = batch ? itemsOf(values.batch_input) : []
    const key = await engine.need(values.name)
    if (!batch)
      return answer({
        plaintext: base64(key.decrypt(values.ciphertext, binding(values.context, values.associated_data))),
      })
    checkContexts(items)
    const code = values.partial_failure_response_code
    const response = await runBatch(
      items,
      { failsWhole: true, partialFailureCode: statusCode(code), whenFailed: { plaintext: '' } },
      (item) => ({
        plaintext: base64(opened(key, item, textOf(item, 'associated_data'))),
      }),
    )
    return warned(response, code)
  },
})

/** `rewrap/:name`: decrypts and encrypts again with another version; nobody sees the data. */
export const rewrap = write('rewrap/:name', {
  about: 'Encrypt a ciphertext again with another version of its key.',
  pure: true,
  fields: {
    name: shared.name,
    ciphertext,
    context: shared.context,
    associated_data: shared.associated_data,
    key_version: shared.key_version,
    batch_input: shared.batch_input,
  },
  handle: async ({ engine }, values) => {
    const batch = values.batch_input !== undefined && values.batch_input !== null
    if (!batch && values.ciphertext === '') throw refuse('missing ciphertext to decrypt')
    const key = await engine.need(values.name)
    if (!batch) return answer(rewrapped(key, values as unknown as Item))
    const items = itemsOf(values.batch_input)
    checkContexts(items)
    return runBatch(items, { failsWhole: false }, (item) => rewrapped(key, item))
  },
})

function opened(key: LiveKey, item: Item, associated: string): Uint8Array {
  const text = textOf(item, 'ciphertext')
  if (text === '') throw refuse('missing ciphertext to decrypt')
  return key.decrypt(text, binding(textOf(item, 'context'), associated))
}

function rewrapped(key: LiveKey, item: Item): Readonly<Record<string, unknown>> {
  const associated = textOf(item, 'associated_data')
  const plaintext = opened(key, item, associated)
  const made = key.encrypt(plaintext, intOf(item, 'key_version'), binding(textOf(item, 'context'), associated))
  plaintext.fill(0)
  return { ciphertext: made.ciphertext, key_version: made.version }
}
