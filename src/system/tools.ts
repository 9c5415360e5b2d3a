import { f } from '../contract/field.ts'
import { answer } from '../contract/response.ts'
import type { Response } from '../contract/response.ts'
import type { Route } from '../contract/route.ts'
import { routesOf } from '../contract/route.ts'

/** What these routes need: `crypto/tools.ts` has both. */
export interface ToolPort {
  hash(input: string, algorithm: string, format: string): Promise<string>
  random(wish: { readonly where?: string; readonly count?: string; readonly bytes: number; readonly format: string }): {
    readonly text: string
    readonly warnings: readonly string[]
  }
}

const hashFields = {
  input: f.string('The data, in base64.').or(''),
  algorithm: f.string('The hash function: sha2-224 … sha2-512, sha3-224 … sha3-512.').or('sha2-256'),
  format: f.string('How the digest is written: hex or base64.').or('hex'),
}
const randomFields = {
  bytes: f.int('How many bytes, 1 to 131072.').or(32),
  format: f.string('How they are written: base64 or hex.').or('base64'),
}
const urlbytes = f.string('How many bytes; counts before `bytes`.').alias('bytes').or('')
const inPath = 'urlbytes was passed over: the path says how many bytes'
const countAlone = /^\d+$/
const source = f.string('platform, seal or all; or the number of bytes.').or('platform')

/** `sys/tools/hash` and `sys/tools/random`; patterns are relative to `sys/`. */
export function toolRoutes<S>(tools: ToolPort): readonly Route<S>[] {
  const { write } = routesOf<S>()
  const hash = async (input: string, algorithm: string, format: string): Promise<Response> =>
    answer({ sum: await tools.hash(input, algorithm, format) })
  const random = (wish: Parameters<ToolPort['random']>[0]): Response => {
    const { text, warnings } = tools.random(wish)
    return answer({ random_bytes: text }, warnings)
  }
  const about = { hash: 'Hash some data.', random: 'Give random bytes.' }
  return [
    write('tools/hash', {
      about: about.hash,
      fields: hashFields,
      pure: true,
      handle: (_, { input, algorithm, format }) => hash(input, algorithm, format),
    }),
    write('tools/hash/*urlalgorithm', {
      about: about.hash,
      fields: {
        ...hashFields,
        urlalgorithm: f.string('The hash function; counts before `algorithm`.').alias('algorithm').or(''),
      },
      pure: true,
      handle: (_, { input, urlalgorithm, format }) => hash(input, urlalgorithm, format),
    }),
    write('tools/random', {
      about: about.random,
      fields: { ...randomFields, source },
      pure: true,
      handle: (_, { source, ...wish }) => random({ ...wish, where: source }),
    }),
    write('tools/random/:source', {
      about: about.random,
      fields: { ...randomFields, source, urlbytes },
      pure: true,
      handle: ({ isGiven }, { source, urlbytes: count, ...wish }) => {
        const twice = isGiven('urlbytes') && countAlone.test(source)
        const { text, warnings } = tools.random({
          ...wish,
          where: source,
          ...(isGiven('urlbytes') && !twice && { count }),
        })
        return answer({ random_bytes: text }, twice ? [...warnings, inPath] : warnings)
      },
    }),
    write('tools/random/:source/:urlbytes', {
      about: about.random,
      fields: { ...randomFields, source, urlbytes },
      pure: true,
      handle: (_, { source, urlbytes, ...wish }) => random({ ...wish, where: source, count: urlbytes }),
    }),
  ]
}
