import { f } from '../contract/field.ts'
import { answer } from '../contract/response.ts'
import type { Response } from '../contract/response.ts'
import type { Route } from '../contract/route.ts'
import { routesOf } from '../contract/route.ts'
import { countForms } from '../crypto/tools.ts'

/** The port of these routes: `crypto/tools.ts` has both. */
export interface ToolPort {
  hash(input: string, algorithm: string, format: string): Promise<string>
  random(options: {
    readonly where?: string
    readonly count?: string
    readonly bytes: number
    readonly format: string
  }): {
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
  bytes: f.int('How many bytes, 1 to 131072.').reads(countForms).or(32),
  format: f.string('How they are written: base64 or hex.').or('base64'),
}
const pathFields = {
  ...randomFields,
  source: f.string('platform, seal or all; or the number of bytes.').or('platform'),
  urlbytes: f.string('The number of bytes; takes precedence over `bytes`.').alias('bytes').or(''),
}
const countInPath = 'urlbytes was ignored: the path gives the number of bytes'
const countAlone = /^\d+$/

/** `sys/tools/hash` and `sys/tools/random`; patterns are relative to `sys/`. */
export function toolRoutes<S>(tools: ToolPort): readonly Route<S>[] {
  return [...hashRoutes<S>(tools), ...randomRoutes<S>(tools)]
}

function hashRoutes<S>(tools: ToolPort): readonly Route<S>[] {
  const { write } = routesOf<S>()
  const about = 'Hash some data.'
  const returns = { sum: f.string('The digest.') }
  const hash = async (input: string, algorithm: string, format: string): Promise<Response> =>
    answer({ sum: await tools.hash(input, algorithm, format) })
  return [
    write('tools/hash', {
      about,
      returns,
      fields: hashFields,
      pure: true,
      handle: (_, { input, algorithm, format }) => hash(input, algorithm, format),
    }),
    write('tools/hash/*urlalgorithm', {
      about,
      returns,
      fields: {
        ...hashFields,
        urlalgorithm: f.string('The hash function; takes precedence over `algorithm`.').alias('algorithm').or(''),
      },
      pure: true,
      handle: (_, { input, urlalgorithm, format }) => hash(input, urlalgorithm, format),
    }),
  ]
}

function randomRoutes<S>(tools: ToolPort): readonly Route<S>[] {
  const { write } = routesOf<S>()
  const about = 'Generate random bytes.'
  const returns = { random_bytes: f.string('The bytes.').secret() }
  const random = (options: Parameters<ToolPort['random']>[0], ...more: string[]): Response => {
    const { text, warnings } = tools.random(options)
    return answer({ random_bytes: text }, [...warnings, ...more])
  }
  return [
    write('tools/random', {
      about,
      returns,
      fields: { ...randomFields, source: pathFields.source },
      pure: true,
      handle: (_, { source, ...options }) => random({ ...options, where: source }),
    }),
    write('tools/random/:source', {
      about,
      returns,
      fields: pathFields,
      pure: true,
      handle: ({ isGiven }, { source, urlbytes: count, ...options }) => {
        if (!isGiven('urlbytes')) return random({ ...options, where: source })
        if (countAlone.test(source)) return random({ ...options, where: source }, countInPath)
        return random({ ...options, where: source, count })
      },
    }),
    write('tools/random/:source/:urlbytes', {
      about,
      returns,
      fields: pathFields,
      pure: true,
      handle: (_, { source, urlbytes, ...options }) => random({ ...options, where: source, count: urlbytes }),
    }),
  ]
}
