import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import type { Forms } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import type { SignatureOptions } from '../../../crypto/signatures/signatures.ts'
import { batchOf, runBatch, textOf } from '../batch.ts'
import type { Item } from '../batch.ts'
import { orBatch, signedMembers } from '../members.ts'
import { batchInput, bytesOf, inputOf, shared, usual } from '../input.ts'
import type { LiveKey } from '../../../keys/live-key.ts'
import { macHash, signText, verifyMacText, verifyText } from '../formats/ciphertext.ts'
import { cmacOf, hmacWith } from '../../../keys/operations/macs.ts'
import { both, hashField, macLength, scalarText, urlalgorithm, usualHash } from './mac.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'

const { write } = routesOf<Transit>()

/** Vault's numbers: 0 is `auto`, -1 is `hash`. */
const saltWords: Readonly<Record<string, string>> = { auto: '0', '0': 'auto', hash: '-1', '-1': 'hash' }
const saltForms: Forms = (value) => {
  const salt = scalarText(value, 'auto')
  const other = saltWords[salt]
  return other === undefined ? [] : [salt, other]
}

const signFields = {
  name: shared.name,
  input: f.string('The data, base64.').or(''),
  context: shared.context,
  hash_algorithm: hashField.or(usualHash),
  algorithm: hashField.alias('hash_algorithm').or(usualHash),
  urlalgorithm: urlalgorithm.alias('hash_algorithm').or(''),
  prehashed: f.bool('The input is a digest already.').or(false),
  signature_algorithm: f.string('RSA: pss or pkcs1v15.').reads(usual('pss')).or(''),
  marshaling_algorithm: f.string('asn1 or jws.').or('asn1'),
  salt_length: f.string('RSA-PSS: auto, hash or a number of bytes.').reads(saltForms).or('auto'),
  signature_context: f
    .string('ML-DSA, SLH-DSA: the context to which the signature is bound, base64, at most 255 bytes.')
    .or(''),
  batch_input: batchInput('input', 'context', 'signature', 'hmac', 'cmac'),
}
const verifyFields = {
  ...signFields,
  signature: f.string('The signature to verify.'),
  hmac: f.string('The HMAC to verify.'),
  cmac: f.string('The CMAC to verify.'),
  mac_length: macLength.or(0),
}

type SignValues = { readonly [K in keyof typeof signFields]: (typeof signFields)[K]['fallback'] }
type VerifyValues = SignValues & {
  readonly signature: string | undefined
  readonly hmac: string | undefined
  readonly cmac: string | undefined
  readonly mac_length: number
}

/** `sign/:name`, `verify/:name`, each also with a hash function in the path. */
export const signRoutes = [
  ...both('sign/:name', 'hash_algorithm', (pattern, alias) =>
    write(pattern, {
      about: 'Sign some data.',
      returns: orBatch(signedMembers),
      pure: true,
      alias,
      fields: { ...signFields, key_version: shared.key_version },
      handle: async ({ engine, request }, values) => {
        const options = optionsOf(values)
        const key = await engine.keys.find(values.name)
        if (!key) throw refuse('signing key not found')
        key.mustSuit('sign')
        const batch = batchOf(values.batch_input)
        const back = new Counterpart(request, { member: 'signature', takenBy: 'verify' })
        if (batch) return signBatch({ key, batch, options, version: values.key_version, back })
        const made = await signText(key, bytesOf(values.input, 'input'), values.key_version, {
          ...options,
          context: values.context,
        })
        return answer(
          back.add(values, {
            signature: made.signature,
            key_version: made.version,
            ...(made.publicKey !== undefined && { public_key: made.publicKey }),
          }),
        )
      },
    }),
  ),
  ...both('verify/:name', 'hash_algorithm', (pattern, alias) =>
    write(pattern, {
      about: 'Verify a signature or an HMAC.',
      returns: orBatch({ valid: f.bool('It is the signature, or the MAC, of this data.') }),
      pure: true,
      alias,
      fields: verifyFields,
      handle: ({ engine }, values) => verifyAny(engine, values),
    }),
  ),
]

interface BatchToSign {
  readonly key: LiveKey
  readonly batch: readonly Item[]
  readonly options: SignatureOptions
  readonly version: number
  readonly back: Counterpart
}

/** Some members of batch results have other names than those of single results: `publickey`. */
function signBatch({ key, batch, options, version, back }: BatchToSign): Promise<Response> {
  return runBatch(batch, { failsWhole: false, back, whenFailed: { key_version: 0 } }, async (item) => {
    const made = await signText(key, inputOf(item, 'signing'), version, {
      ...options,
      context: textOf(item, 'context'),
    })
    return {
      signature: made.signature,
      key_version: made.version,
      ...(made.publicKey !== undefined && { publickey: made.publicKey }),
    }
  })
}

async function verifyAny(engine: Transit, values: VerifyValues): Promise<Response> {
  const batch = batchOf(values.batch_input)
  const first: Item = batch ? (batch[0] ?? {}) : values
  const what = (['signature', 'hmac', 'cmac'] as const).find((name) => first[name] !== undefined)
  if (!what) throw refuse("neither a 'signature' nor an 'hmac' or 'cmac' was given to verify")
  if (batch?.some((item) => item[what] === undefined)) {
    throw refuse(`all items of batch_input must have a ${what}, as the first one has`)
  }
  return what === 'signature' ? verifySignatures(engine, values, batch) : verifyMacs(engine, values, batch, what)
}

async function verifyMacs(
  engine: Transit,
  values: VerifyValues,
  batch: readonly Item[] | undefined,
  what: 'hmac' | 'cmac',
): Promise<Response> {
  const { urlalgorithm: pathAlgorithm, hash_algorithm: hash, algorithm } = values
  const kind = what === 'hmac' ? hmacWith(macHash(pathAlgorithm, hash, algorithm)) : cmacOf(values.mac_length)
  const key = await engine.keys.need(values.name)
  if (!batch)
    return answer({ valid: await verifyMacText(key, kind, bytesOf(values.input, 'input'), values[what] ?? '') })
  return runBatch(batch, { failsWhole: false }, async (item) =>
    (await verifyMacText(key, kind, inputOf(item, kind.name), textOf(item, what))) ? { valid: true } : {},
  )
}

async function verifySignatures(
  engine: Transit,
  values: VerifyValues,
  batch: readonly Item[] | undefined,
): Promise<Response> {
  const options = optionsOf(values)
  const key = await engine.keys.find(values.name)
  if (!key) throw refuse('the key of the signature was not found')
  key.mustSuit('verify')
  if (!batch) {
    const input = bytesOf(values.input, 'input')
    return answer({
      valid: await verifyText(key, input, values.signature ?? '', { ...options, context: values.context }),
    })
  }
  return runBatch(batch, { failsWhole: false, whenFailed: { valid: false } }, async (item) => {
    const input = inputOf(item, 'verification')
    return {
      valid: await verifyText(key, input, textOf(item, 'signature'), { ...options, context: textOf(item, 'context') }),
    }
  })
}

/** @throws Fault invalid_request for unknown names. */
function optionsOf(values: SignValues): SignatureOptions {
  const name = values.urlalgorithm || values.hash_algorithm || values.algorithm
  const { marshaling_algorithm: marshaling, signature_algorithm: padding } = values
  if (marshaling !== 'asn1' && marshaling !== 'jws')
    throw refuse(`invalid marshaling type ${JSON.stringify(marshaling)}`)
  if (!['', 'pss', 'pkcs1v15'].includes(padding)) throw refuse(`unsupported rsa signature algorithm ${padding}`)
  return {
    hash: name === 'none' ? 'none' : macHash(name),
    prehashed: values.prehashed,
    padding: padding === 'pkcs1v15' ? 'pkcs1v15' : 'pss',
    salt: saltOf(values.salt_length),
    jws: marshaling === 'jws',
    boundTo: boundTo(values.signature_context),
  }
}

function boundTo(context: string): Uint8Array {
  const bytes = bytesOf(context, 'signature_context')
  if (bytes.length > 255) throw refuse('signature_context can have 255 bytes at most')
  return bytes
}

function saltOf(salt: string): SignatureOptions['salt'] {
  if (salt === '' || salt === 'auto' || salt === '0') return 'auto'
  if (salt === 'hash' || salt === '-1') return 'hash'
  if (!/^\d{1,6}$/.test(salt)) throw refuse('the salt_length must be auto, hash or a whole number of bytes')
  return Number(salt)
}
