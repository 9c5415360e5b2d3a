import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { Alias, Call } from '../../../contract/route.ts'
import { batchOf, runBatch } from '../batch.ts'
import { orBatch } from '../members.ts'
import { batchInput, bytesOf, inputOf, shared } from '../input.ts'
import { macHash, macText } from '../formats/ciphertext.ts'
import { cmacOf, hmacWith } from '../../../keys/operations/macs.ts'
import type { MacKind } from '../../../keys/operations/macs.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'

const { write } = routesOf<Transit>()

/** The hash function where none is named. */
export const usualHash = 'sha2-256'
/** Fields that name a hash function. */
export const hashField = f.string('The hash function: sha1, sha2-224 … sha2-512, sha3-224 … sha3-512, none.')
/** A string, or a number as a string; the default if absent, and an empty string for other types. */
export function scalarText(value: unknown, fallback: string): string {
  if (value === undefined || value === null) return fallback
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
/** The length of a CMAC; 0 and 16 are the same. */
export const macLength = f
  .int('Bytes of the CMAC, 8 to 16; 0: all 16.')
  .reads((value) => (['0', '16'].includes(scalarText(value, '0')) ? [0, 16] : []))
export const urlalgorithm = f.string('The hash function; takes precedence over the others.')

const fields = {
  name: shared.name,
  input: f.string('The data, base64.').secret(),
  key_version: shared.key_version,
  batch_input: batchInput('input'),
}
const hmacFields = {
  ...fields,
  algorithm: hashField.or(usualHash),
  urlalgorithm: urlalgorithm.alias('algorithm').or(''),
}
const cmacFields = {
  ...fields,
  mac_length: macLength.or(0),
  url_mac_length: f.int('The same; takes precedence over the other.').alias('mac_length').or(0),
}

/**
 * A route with and without a hash function at its end. A denial of the path without one applies to each path with one; a
 * denial with one applies if the body names this one, or names none and it is the default.
 * @param counts the member of the body that takes precedence
 */
export function both<T>(
  pattern: string,
  counts: 'hash_algorithm' | 'algorithm',
  make: (pattern: string, alias: Alias) => T,
): readonly T[] {
  const base = (name = ''): string => pattern.replace(':name', name)
  const named = (data: Readonly<Record<string, unknown>>): readonly unknown[] =>
    data[counts] ? [data['hash_algorithm'], data['algorithm']] : [data['algorithm'], usualHash]
  return [
    make(pattern, ({ name }, data) =>
      named(data).flatMap((hash) => (typeof hash === 'string' ? `${base(name)}/${hash}` : [])),
    ),
    make(`${pattern}/:urlalgorithm`, ({ name }) => base(name)),
  ]
}

/** `hmac/:name` and `cmac/:name`, each also with its parameter in the path. */
export const macRoutes = [
  ...both('hmac/:name', 'algorithm', (pattern, alias) =>
    write(pattern, {
      about: 'Compute an HMAC.',
      returns: orBatch({ hmac: f.string('The HMAC: vault:v<version>:<base64>.') }),
      pure: true,
      alias,
      fields: hmacFields,
      handle: (call, values) =>
        made(call, () => hmacWith(macHash(values.urlalgorithm, values.algorithm)), values, 'hmac'),
    }),
  ),
  ...['cmac/:name', 'cmac/:name/:url_mac_length'].map((pattern) =>
    write(pattern, {
      about: 'Compute an AES-CMAC.',
      returns: orBatch({ cmac: f.string('The CMAC: vault:v<version>:<base64>.') }),
      pure: true,
      alias: ({ name = '', url_mac_length: behind }, { mac_length: sent }) =>
        behind !== undefined
          ? `cmac/${name}`
          : ['string', 'number'].includes(typeof sent)
            ? `cmac/${name}/${String(sent)}`
            : undefined,
      fields: cmacFields,
      handle: (call, values) => made(call, () => cmacOf(values.url_mac_length || values.mac_length), values, 'cmac'),
    }),
  ),
]

interface MacValues {
  readonly name: string
  readonly input: string | undefined
  readonly key_version: number
  readonly batch_input: unknown
}

async function made(
  { engine, request }: Pick<Call<Transit>, 'engine' | 'request'>,
  kindOf: () => MacKind,
  values: MacValues,
  member: 'hmac' | 'cmac',
): Promise<Response> {
  const key = await engine.keys.need(values.name)
  const kind = kindOf()
  const batch = batchOf(values.batch_input)
  const back = new Counterpart(request, { member, takenBy: 'verify' })
  if (batch) {
    return runBatch(batch, { failsWhole: false, back }, async (item) => ({
      [member]: await macText(key, kind, inputOf(item, kind.name), values.key_version),
    }))
  }
  if (values.input === undefined) throw refuse(`missing input for ${kind.name}`)
  return answer(
    back.add({ ...values }, { [member]: await macText(key, kind, bytesOf(values.input, 'input'), values.key_version) }),
  )
}
