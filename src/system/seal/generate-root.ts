import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { body } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { shareOf } from './key-input.ts'

interface Status {
  readonly started: boolean
  readonly nonce: string
  readonly progress: number
  readonly required: number
  readonly complete: boolean
  readonly encoded: string
  readonly fingerprint: string
}

/** The generation of a root token. Only one can be in progress. */
export interface GenerateRootPort {
  status(): Promise<Status>
  /** Returns the one-time password if the caller sent neither one nor a PGP key. */
  start(otp: string, pgpKey: string): Promise<string>
  cancel(nonce: string): Promise<void>
  update(share: Uint8Array, nonce: string): Promise<Status>
  decoded(encoded: string, otp: string): string
  readonly otpLength: number
}

const { read, write, remove } = routesOf<unknown>()
const startFields = {
  otp: f.string('A one-time password of your own.').secret().or(''),
  pgp_key: f.string('The PGP public key, base64, that the token is encrypted for.').or(''),
}
const shareFields = { key: f.any('A share.'), nonce: f.string('The nonce of the operation.').or('') }

const progressMembers = {
  nonce: f.string('The id of the operation.'),
  started: f.bool('One is in progress.'),
  progress: f.int('The shares provided so far.'),
  required: f.int('The shares that are needed.'),
  complete: f.bool('The token is ready.'),
  otp: f.string('The one-time password, if the server generated it: only in the first response.').secret(),
  otp_length: f.int('The length of a one-time password.'),
  encoded_token: f
    .string('The token, encoded with the one-time password or encrypted; empty until it is ready.')
    .secret(),
  encoded_root_token: f.string('The same.').secret(),
  pgp_fingerprint: f.string('The PGP key that the token is encrypted for; empty: none.'),
}

/** `sys/generate-root-token/*` (with a token), `sys/generate-root/*` (without, if the listener allows it) and `sys/decode-token`. */
export function generateRootRoutes(root: GenerateRootPort, allowed: boolean): Route<unknown>[] {
  const unauthenticated = operationRoutes('generate-root', 'public', root)
  return [
    ...operationRoutes('generate-root-token', 'token', root).map((route) => ({
      ...route,
      alias: () => route.pattern.replace('generate-root-token/', 'generate-root/'),
    })),
    ...(allowed ? unauthenticated : unauthenticated.map(switchedOff)),
    write('decode-token', {
      about: 'Decode a generated root token.',
      returns: { token: f.string('The root token.').secret() },
      access: 'public',
      pure: true,
      fields: {
        encoded_token: f.string('The encoded token.').secret().or(''),
        otp: f.string('The one-time password.').secret().or(''),
      },
      handle: (_, { encoded_token: encoded, otp }) => {
        if (encoded === '' || otp === '') throw refuse('give both "encoded_token" and "otp"')
        return answer({ token: root.decoded(encoded, otp) })
      },
    }),
  ]
}

const unsupported = 'unsupported operation'

const switchedOff = (route: Route<unknown>): Route<unknown> => ({
  ...route,
  handle: isBeginning(route) ? refuseBeginning : refuseOperation,
})

function refuseOperation(): never {
  throw new Fault('unsupported_operation', unsupported, { listed: false })
}

/** The refusal of a start names the two alternatives. It begins with the words that clients match. */
function refuseBeginning(): never {
  const alternatives =
    'no listener makes root tokens for callers without a token. With a token whose policy allows it (policies/operator.hcl does), use ' +
    'sys/generate-root-token/attempt. If every token is lost, set disable_unauthed_generate_root_endpoints = false in the ' +
    'listener, restart, and unseal (docs/operations.md)'
  throw new Fault('unsupported_operation', `${unsupported}: ${alternatives}`, { listed: false })
}

const isBeginning = ({ operation, pattern }: Route<unknown>): boolean =>
  operation === 'write' && pattern.endsWith('/attempt')

function operationRoutes(base: string, access: 'public' | 'token', root: GenerateRootPort): Route<unknown>[] {
  const plain = access === 'public'
  const returns = plain ? body(progressMembers) : progressMembers
  const respond = (status: Status, otp: string): Response => answer(statusBody(status, root.otpLength, otp, plain))
  return [
    read(`${base}/attempt`, {
      access,
      about: 'The progress of the generation of a root token.',
      returns,
      handle: async () => respond(await root.status(), ''),
    }),
    write(`${base}/attempt`, {
      access,
      about: 'Begin to generate a root token.',
      returns,
      fields: startFields,
      handle: async (_, { otp, pgp_key: pgpKey }) => {
        const own = await root.start(otp, pgpKey)
        return respond(await root.status(), own)
      },
    }),
    remove(`${base}/attempt`, {
      access,
      about: 'Cancel.',
      fields: { nonce: f.string('If given, it must be the nonce of the operation.').limiting().or('') },
      handle: async (_, { nonce }) => {
        await root.cancel(nonce)
        return done()
      },
    }),
    write(`${base}/update`, {
      access,
      about: 'Provide one key share; the last one returns the encoded token.',
      returns,
      fields: shareFields,
      handle: async (_, { key, nonce }) => {
        if (!plain && nonce === '') throw refuse('nonce is required')
        if (!plain && (key === undefined || key === null || key === '')) throw refuse('key is required')
        const status = await root.update(shareOf(key, "'key' must be specified in request body as JSON"), nonce)
        return answer(updateBody(status, plain))
      },
    }),
  ]
}

function updateBody(status: Status, plain: boolean): Record<string, unknown> {
  const { nonce, started, progress, required, complete, encoded, fingerprint } = status
  const compact = { nonce, started, progress, required, complete, encoded_token: encoded, pgp_fingerprint: fingerprint }
  return plain ? { ...compact, encoded_root_token: encoded, otp: '', otp_length: 0 } : compact
}

function statusBody(status: Status, otpLength: number, otp: string, plain: boolean): Record<string, unknown> {
  const { started, nonce, progress, required, complete, fingerprint } = status
  const compact = { started, progress, required, complete, otp, otp_length: otpLength }
  if (plain) return { nonce, ...compact, encoded_token: '', encoded_root_token: '', pgp_fingerprint: fingerprint }
  return started ? { nonce, ...compact, pgp_fingerprint: fingerprint } : compact
}
