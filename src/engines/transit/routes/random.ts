import { f } from '../../../contract/field.ts'
import { answer } from '../../../contract/response.ts'
import { routesOf } from '../../../contract/route.ts'
import { countForms, hashText, randomText } from '../../../crypto/tools.ts'
import type { Transit } from '../transit.ts'

const { write } = routesOf<Transit>()

const hashFields = {
  input: f.string('The data, in base64.'),
  algorithm: f.string('The hash function: sha2-224 … sha2-512, sha3-224 … sha3-512.').or('sha2-256'),
  format: f.string('How the digest is written: hex or base64.').or('hex'),
}
const randomFields = {
  bytes: f.int('How many bytes, 1 to 131072.').reads(countForms).or(32),
  format: f.string('How they are written: base64 or hex.').or('base64'),
  source: f.string('platform, seal or all; or the number of bytes.').or('platform'),
}

interface RandomOptions {
  readonly source: string
  readonly bytes: number
  readonly format: string
  readonly urlbytes?: string
}

function randomResponse(engine: Transit, { source, urlbytes, ...options }: RandomOptions) {
  const { text, warnings } = randomText(engine.keys.random, {
    ...options,
    where: source,
    ...(urlbytes !== undefined && { count: urlbytes }),
  })
  return answer({ random_bytes: text }, warnings)
}

/** `random(/:source)(/:bytes)` and `hash(/:algorithm)`. */
export const toolRoutes = [
  write('hash', {
    about: 'Hash some data.',
    returns: { sum: f.string('The digest.') },
    pure: true,
    fields: hashFields,
    handle: async (_, { input, algorithm, format }) => answer({ sum: await hashText(input, algorithm, format) }),
  }),
  write('hash/*urlalgorithm', {
    about: 'Hash some data.',
    returns: { sum: f.string('The digest.') },
    pure: true,
    fields: {
      ...hashFields,
      urlalgorithm: f.string('The hash function; takes precedence over `algorithm`.').alias('algorithm').or(''),
    },
    handle: async (_, { input, urlalgorithm, format }) => answer({ sum: await hashText(input, urlalgorithm, format) }),
  }),
  write('random', {
    about: 'Generate random bytes.',
    returns: { random_bytes: f.string('The bytes.').secret() },
    pure: true,
    fields: randomFields,
    handle: ({ engine }, options) => randomResponse(engine, options),
  }),
  write('random/:source', {
    about: 'Generate random bytes.',
    returns: { random_bytes: f.string('The bytes.').secret() },
    pure: true,
    fields: randomFields,
    handle: ({ engine }, options) => randomResponse(engine, options),
  }),
  write('random/:source/:urlbytes', {
    about: 'Generate random bytes.',
    returns: { random_bytes: f.string('The bytes.').secret() },
    pure: true,
    fields: {
      ...randomFields,
      urlbytes: f.string('The number of bytes; takes precedence over `bytes`.').alias('bytes').or(''),
    },
    handle: ({ engine }, options) => randomResponse(engine, options),
  }),
]
