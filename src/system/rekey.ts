import { Fault, refuse } from '../contract/fault.ts'
import { f } from '../contract/field.ts'
import { done } from '../contract/response.ts'
import type { Response } from '../contract/response.ts'
import { routesOf } from '../contract/route.ts'
import type { Route } from '../contract/route.ts'
import { base64, hex } from '../util/bytes.ts'
import { refusePgp, shareOf, strictBool, strictInt } from './key-input.ts'

interface Status {
  readonly started: boolean
  readonly nonce: string
  readonly shares: number
  readonly threshold: number
  readonly progress: number
  readonly required: number
  readonly verify: boolean
  readonly verificationNonce: string
  readonly verificationProgress: number
}

/** One rekey operation. There are two, one for each family of paths. */
export interface RekeyPort {
  status(): Promise<Status>
  start(
    wish: { readonly shares: number; readonly threshold: number; readonly verify: boolean },
    busy: string,
  ): Promise<void>
  cancel(): void
  update(
    share: Uint8Array,
    nonce: string,
    idle: string,
  ): Promise<
    | {
        readonly nonce: string
        readonly shares: readonly Uint8Array[]
        readonly verify: boolean
        readonly verificationNonce: string
      }
    | undefined
  >
  verify(share: Uint8Array, nonce: string): Promise<{ readonly complete: boolean; readonly nonce: string }>
  restartVerification(): void
}

/** What both families need besides. */
export interface RekeyRules {
  /** @throws Fault on counts that cannot be. */
  checkCounts(shares: number, threshold: number): void
}

const { read, write, remove } = routesOf<unknown>()

interface Family {
  readonly base: string
  readonly access: { readonly access: 'public' | 'token' }
  /** Answers have no envelope. */
  readonly plain: boolean
  readonly busy: string
  readonly idle: string
  readonly verifyIdle: string
  readonly unconfigured: string
  /** Wrong types are refused rather than converted. */
  readonly strict: boolean
}

/** `sys/rotate/root/{init,update,verify,backup}`: for callers with a token. */
export function rotateRootRoutes(rekey: RekeyPort, rules: RekeyRules): Route<unknown>[] {
  return family(
    {
      base: 'rotate/root',
      access: { access: 'token' },
      plain: false,
      busy: 'rotation already in progress',
      idle: 'no rotation in progress',
      verifyIdle: 'no rotation in progress',
      unconfigured: 'no rotation configuration found',
      strict: false,
    },
    rekey,
    rules,
  )
}

/** `sys/rekey/…`: without a token, if the listener allows it; else the paths are there but offer nothing. */
export function rekeyRoutes(rekey: RekeyPort, rules: RekeyRules, allowed: boolean): Route<unknown>[] {
  const routes = family(
    {
      base: 'rekey',
      access: { access: 'public' },
      plain: true,
      busy: 'rekey already in progress',
      idle: 'no barrier rekey in progress',
      verifyIdle: 'no rekey in progress',
      unconfigured: 'no rekey configuration found',
      strict: true,
    },
    rekey,
    rules,
  )
  return allowed
    ? routes
    : routes.map((route) => ({ ...route, ...(route.pattern.endsWith('backup') ? {} : { handle: off }) }))
}

function off(): never {
  throw new Fault('unsupported_operation', 'unsupported operation', { bare: true })
}

const fields = {
  secret_shares: f.any('How many new shares.'),
  secret_threshold: f.any('How many of them open the server.'),
  require_verification: f.any('The new shares count only after enough of them were given back.'),
  backup: f.any('Needs pgp_keys.'),
  stored_shares: f.any('Ignored.'),
}
const shareFields = { key: f.any('A share.'), nonce: f.string('The nonce of the operation.').or('') }

function family(kind: Family, rekey: RekeyPort, rules: RekeyRules): Route<unknown>[] {
  const { base, access } = kind
  const shown = (body: Record<string, unknown>): Response => (kind.plain ? { plain: body } : { data: body })
  const status = async (): Promise<Response> => shown(statusBody(await rekey.status(), kind.plain))
  return [
    read(`${base}/init`, { ...access, about: 'How far the rekey is.', handle: status }),
    write(`${base}/init`, {
      ...access,
      about: 'Begin to make new shares.',
      fields,
      handle: async ({ request }, values) => {
        const int = kind.strict ? strictInt : weakInt
        const [shares, threshold] = [
          int('secret_shares', values.secret_shares),
          int('secret_threshold', values.secret_threshold),
        ]
        const verify = kind.strict
          ? strictBool('require_verification', values.require_verification)
          : (f.bool('').parse(values.require_verification ?? false) ?? false)
        refusePgp(request.data)
        if (values.backup === true) throw refuse('backup needs pgp_keys: shares are never stored in plain')
        rules.checkCounts(shares, threshold)
        await rekey.start({ shares, threshold, verify }, kind.busy)
        return status()
      },
    }),
    remove(`${base}/init`, {
      ...access,
      about: 'Cancel.',
      fields: { nonce: f.string('Accepted.').or('') },
      handle: () => (rekey.cancel(), done()),
    }),
    write(`${base}/update`, {
      ...access,
      about: 'Give one of the present shares.',
      fields: shareFields,
      handle: async (_, values) => shown(await updateBody(kind, rekey, values)),
    }),
    read(`${base}/verify`, {
      ...access,
      about: 'How far the verification is.',
      handle: async () => shown(verifyBody(await rekey.status(), kind)),
    }),
    write(`${base}/verify`, {
      ...access,
      about: 'Give one of the new shares back.',
      fields: shareFields,
      handle: async (_, { key, nonce }) => {
        if (!(await rekey.status()).started) throw refuse(kind.verifyIdle)
        const share = shareOf(key, missingKey(kind))
        if (nonce === '' && !kind.plain) throw refuse("missing required field 'nonce'")
        const { complete, nonce: of } = await rekey.verify(share, nonce)
        return shown(complete ? { nonce: of, complete: true } : verifyBody(await rekey.status(), kind))
      },
    }),
    remove(`${base}/verify`, {
      ...access,
      about: 'Begin the verification again.',
      handle: async () => {
        if (!(await rekey.status()).started) throw refuse(kind.unconfigured)
        rekey.restartVerification()
        return shown(verifyBody(await rekey.status(), kind))
      },
    }),
    read(`${base}/backup`, {
      about: 'Shares encrypted with PGP: there are none.',
      handle: () => Promise.reject(refuse('no backed-up keys found')),
    }),
    remove(`${base}/backup`, { about: 'Remove the backup.', handle: () => done() }),
  ]
}

function weakInt(name: string, given: unknown): number {
  const value = f.int('').parse(given ?? 0)
  if (value === undefined) throw refuse(`"${name}" must be a whole number`)
  return value
}

function statusBody(status: Status, whole: boolean): Record<string, unknown> {
  const { started, shares, threshold, required, nonce, progress, verify, verificationNonce } = status
  const brief = { started, t: threshold, n: shares, required }
  if (whole)
    return {
      nonce,
      ...brief,
      progress,
      pgp_fingerprints: null,
      backup: false,
      verification_required: verify,
      ...(verificationNonce && { verification_nonce: verificationNonce }),
    }
  return started
    ? { ...brief, nonce, progress, verification_required: verify, verification_nonce: verificationNonce }
    : brief
}

function verifyBody(status: Status, kind: Family): Record<string, unknown> {
  if (!status.started) throw refuse(kind.unconfigured)
  const pending = status.verificationNonce !== ''
  return {
    nonce: status.verificationNonce,
    started: pending,
    t: status.threshold,
    n: status.shares,
    progress: status.verificationProgress,
  }
}

function missingKey(kind: Family): string {
  return kind.plain ? "'key' must be specified in request body as JSON" : "missing required field 'key'"
}

async function updateBody(
  kind: Family,
  rekey: RekeyPort,
  { key, nonce }: { readonly key: unknown; readonly nonce: string },
): Promise<Record<string, unknown>> {
  const status = await rekey.status()
  if (!status.started) throw refuse(kind.idle)
  const share = shareOf(key, missingKey(kind))
  if (nonce === '' && !kind.plain) throw refuse("missing required field 'nonce'")
  const made = await rekey.update(share, nonce, kind.idle)
  if (!made) return statusBody(await rekey.status(), kind.plain)
  return {
    nonce: made.nonce,
    complete: true,
    keys: made.shares.map(hex),
    keys_base64: made.shares.map(base64),
    pgp_fingerprints: null,
    backup: false,
    verification_required: made.verify,
    ...((made.verificationNonce !== '' || !kind.plain) && { verification_nonce: made.verificationNonce }),
  }
}
