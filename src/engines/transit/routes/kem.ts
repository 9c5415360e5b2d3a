import { refuse } from '../../../contract/fault.ts'
import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import type { Response } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { base64, wipe } from '../../../util/bytes.ts'
import { batchOf, intOf, runBatch, textOf } from '../batch.ts'
import type { Item } from '../batch.ts'
import { readCiphertext, writeCiphertext } from '../formats/ciphertext.ts'
import { encryptedMembers, orBatch } from '../members.ts'
import { batchInput, shared } from '../input.ts'
import { decapsulate, encapsulate } from '../../../keys/operations/kem.ts'
import type { LiveKey } from '../../../keys/live-key.ts'
import type { Transit } from '../transit.ts'
import { Counterpart } from '../counterpart.ts'

const { write } = routesOf<Transit>()

const sharedSecret = { shared_secret: f.base64('The secret, base64.').secret() }

/** `encapsulate/:name` and `decapsulate/:name`: a secret shared by the owner of an ML-KEM key and a peer (FIPS 203). */
export const kemRoutes = [
  write('encapsulate/:name', {
    about: 'Generate a shared secret of 32 bytes, and the ciphertext from which only this ML-KEM key can compute it.',
    returns: orBatch({ ...encryptedMembers, ...sharedSecret }),
    pure: true,
    fields: { name: shared.name, key_version: shared.key_version, batch_input: batchInput('key_version') },
    handle: ({ engine, request }, values) => {
      const back = new Counterpart(request, { member: 'ciphertext', takenBy: 'decapsulate' })
      return forEach({ engine, back }, values, encapsulated)
    },
  }),
  write('decapsulate/:name', {
    about: 'Compute the shared secret from a ciphertext for an ML-KEM key.',
    returns: orBatch(sharedSecret),
    pure: true,
    fields: {
      name: shared.name,
      ciphertext: f.string('vault:v<version>:<base64>; add the prefix to ciphertexts of other programs.').or(''),
      batch_input: batchInput('ciphertext'),
    },
    handle: ({ engine }, values) => forEach({ engine }, values, decapsulated),
  }),
]

type Members = Promise<Readonly<Record<string, unknown>>>

async function forEach(
  { engine, back }: { readonly engine: Transit; readonly back?: Counterpart },
  values: Item & { readonly name: string; readonly batch_input: unknown },
  one: (key: LiveKey, item: Item) => Members,
): Promise<Response> {
  const key = await engine.keys.need(values.name)
  const batch = batchOf(values.batch_input)
  return batch
    ? runBatch(batch, { failsWhole: false, ...(back && { back }) }, (item) => one(key, item))
    : answer(await one(key, values))
}

async function encapsulated(key: LiveKey, item: Item): Members {
  key.mustAllow('encapsulate')
  const { version, bytes, secret } = await encapsulate(key, intOf(item, 'key_version'))
  const encoded = base64(secret)
  wipe(secret)
  return { ciphertext: writeCiphertext(version, bytes), shared_secret: encoded, key_version: version }
}

async function decapsulated(key: LiveKey, item: Item): Members {
  key.mustAllow('decapsulate')
  if (textOf(item, 'ciphertext') === '') throw refuse('missing ciphertext to decapsulate')
  const secret = await decapsulate(key, readCiphertext(textOf(item, 'ciphertext')))
  const encoded = base64(secret)
  wipe(secret)
  return { shared_secret: encoded }
}
