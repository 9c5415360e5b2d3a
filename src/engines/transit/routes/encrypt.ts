import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { BeforeChange, Call } from '../../../contract/route.ts'
import { isKeyType, keyType } from '../../../crypto/keys/key-types.ts'
import { encryptText } from '../formats/ciphertext.ts'
import { checkContexts, intOf, itemsOf, runBatch, textOf } from '../batch.ts'
import type { Item } from '../batch.ts'
import { encryptedMembers, orBatch } from '../members.ts'
import { batchInput, binding, bindingFields, bindingNames, bytesOf, shared } from '../input.ts'
import type { LiveKey } from '../../../keys/live-key.ts'
import type { KeyRecord } from '../../../keys/record.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'

const { write } = routesOf<Transit>()

/** The member that `decrypt` accepts. */
export const decryptable = { member: 'ciphertext', takenBy: 'decrypt' } as const

const fields = {
  name: shared.name,
  plaintext: f.string('The data, base64.').secret(),
  ...bindingFields,
  key_version: shared.key_version,
  type: f.string('The type of the key, if it is created.').or('aes256-gcm96'),
  convergent_encryption: f.bool('Create a convergent key, if it is created.').or(false),
  batch_input: batchInput('plaintext', 'key_version', ...bindingNames),
  partial_failure_response_code: shared.partial_failure_response_code,
}

/** `encrypt/:name`: a key that does not exist is created, if the policy has `create`. */
export const encrypt = write('encrypt/:name', {
  about: 'Encrypt data with a named key.',
  returns: orBatch(encryptedMembers),
  fields,
  pure: true,
  exists: async ({ engine }, { name = '' }) => (await engine.keys.find(name)) !== undefined,
  handle: async (call, sent) => {
    const { engine, request, confirm } = call
    // A null plaintext is a missing one, not an empty one.
    const values = request.data['plaintext'] === null ? { ...sent, plaintext: undefined } : sent
    const existing = await engine.keys.find(values.name)
    confirm(existing !== undefined)
    if (existing) return run(existing, values, call)
    const draft = await drafted(engine, values)
    // Only a successful request creates a key: a failed one must leave none behind. The ciphertexts of the trial are discarded,
    // so that all ciphertexts in responses are counted.
    const tried = await run(engine.keys.unstored(draft), values, call)
    if (tried.status !== undefined) return tried
    const { record, added } = await engine.keys.add(draft)
    // A concurrent request was faster: an existing key needs the policy to use it.
    confirm(!added)
    return run(engine.keys.live(record), values, call)
  },
})

type EncryptValues = Item & {
  readonly name: string
  readonly plaintext: string | undefined
  readonly context: string
  readonly associated_data: string
  readonly key_version: number
  readonly type: string
  readonly convergent_encryption: boolean
  readonly batch_input: unknown
  readonly partial_failure_response_code: number | undefined
}

async function run(key: LiveKey, values: EncryptValues, call: Call<Transit>): Promise<Response> {
  const { request, beforeChange } = call
  const back = new Counterpart(request, decryptable)
  if (values.batch_input !== undefined && values.batch_input !== null) return batch(key, values, { back, beforeChange })
  if (values.plaintext === undefined) throw refuse('missing plaintext to encrypt')
  const plaintext = bytesOf(values.plaintext, 'plaintext')
  return answer(back.add(values, await encryptText(key, plaintext, values.key_version, binding(values), beforeChange)))
}

interface BatchParts {
  readonly back: Counterpart
  readonly beforeChange: BeforeChange
}

async function batch(key: LiveKey, values: EncryptValues, { back, beforeChange }: BatchParts): Promise<Response> {
  const items = itemsOf(values.batch_input)
  checkContexts(items)
  const rules = { failsWhole: true, partialFailureCode: statusCode(values.partial_failure_response_code), back }
  const response = await runBatch(items, rules, (item) => one(key, item, beforeChange))
  return warned(response, values.partial_failure_response_code)
}

function one(key: LiveKey, item: Item, beforeChange: BeforeChange): Promise<Readonly<Record<string, unknown>>> {
  if (item['plaintext'] === undefined || item['plaintext'] === null) throw refuse('missing plaintext to encrypt')
  const plaintext = bytesOf(textOf(item, 'plaintext'), 'plaintext')
  return encryptText(key, plaintext, intOf(item, 'key_version'), binding(item), beforeChange)
}

/** A response code that can be one. */
export function statusCode(code: number | undefined): number | undefined {
  return code !== undefined && code >= 200 && code <= 599 ? code : undefined
}

/** Adds a warning about a response code that cannot be one. */
export function warned(response: Response, code: number | undefined): Response {
  if (code === undefined || statusCode(code) !== undefined) return response
  return {
    ...response,
    warnings: ['partial_failure_response_code is no HTTP status code from 200 to 599; 400 is used'],
  }
}

async function drafted(engine: Transit, values: EncryptValues): Promise<KeyRecord> {
  if ((await engine.settings.keys()).disableUpsert) throw refuse('encryption key not found')
  if (!isKeyType(values.type) || !keyType(values.type).cipher) throw refuse(unsupported(values.type))
  const items =
    values.batch_input === undefined || values.batch_input === null ? undefined : itemsOf(values.batch_input)
  const derived = items ? items.some((item) => textOf(item, 'context') !== '') : values.context !== ''
  if (values.convergent_encryption && !derived)
    throw refuse('convergent encryption requires derivation to be enabled, so context is required')
  if (values.convergent_encryption && !keyType(values.type).convergent)
    throw refuse(`keys of type ${values.type} cannot encrypt convergently`)
  return engine.keys.draft({
    name: values.name,
    type: values.type,
    size: null,
    derived,
    convergent: values.convergent_encryption,
    exportable: false,
    plaintextBackup: false,
    autoRotatePeriod: 0,
  })
}

function unsupported(type: string): string {
  return isKeyType(type) && keyType(type).pair?.family === 'ec'
    ? `keys of type ${type} are not made by encrypting: make the key first`
    : `unknown key type ${type}`
}
