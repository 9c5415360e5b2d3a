import { Fault, refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import type { Forms } from '../../contract/field.ts'
import { answer, done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { body, injected } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { base64, fromHex } from '../../util/bytes.ts'
import { shareOf, strictBool, strictInt, strictStrings, weakBool, weakInt, weakStrings } from './key-input.ts'
import { madeBody, rekeyMembers, statusBody, unsettledText, verificationMembers, verifyBody } from './rekey-bodies.ts'
import type { NewShares, RekeyStatus } from '../../contract/seal.ts'

/** One rekey operation. There are two, one for each family of paths. */
export interface RekeyPort {
  status(): Promise<RekeyStatus>
  start(
    options: {
      readonly shares: number
      readonly threshold: number
      readonly verify: boolean
      readonly pgpKeys: readonly string[]
      readonly backup: boolean
    },
    busy: string,
  ): Promise<void>
  /** The first recovery shares of a server that has none; undefined: it has. */
  issueFirst(options: Parameters<RekeyPort['start']>[0]): Promise<NewShares | undefined>
  cancel(nonce: string): Promise<void>
  update(share: Uint8Array, nonce: string, idle: string): Promise<NewShares | undefined>
  verify(
    share: Uint8Array,
    nonce: string,
    idle: string,
  ): Promise<{ readonly complete: boolean; readonly nonce: string; readonly unsettled: boolean }>
  restartVerification(missing: string): Promise<void>
  /** The copy of encrypted shares, the same for both. `read` throws a Fault if there is none. */
  readonly backups: {
    read(): Promise<{ readonly nonce: string; readonly keys: Readonly<Record<string, readonly string[]>> }>
    remove(): Promise<void>
  }
}

/** Further dependencies of both families. */
export interface RekeyRules {
  /** @throws Fault on invalid counts. */
  checkCounts(shares: number, threshold: number): void
  /** Whether a seal of the configuration unseals the server, so that its shares are recovery shares. */
  isAuto(): boolean
}

const { read, write, remove } = routesOf<unknown>()

/** In what the families differ: the shares that they replace, the words, and how they read and write. */
interface Family {
  readonly base: string
  /** Recovery shares, or shares of the unseal key. */
  readonly isRecovery: boolean
  readonly access: 'public' | 'token'
  /** Responses have no envelope, and wrong types are refused rather than converted. */
  readonly plain: boolean
  readonly busy: string
  readonly idle: string
  readonly idleVerify: string
  readonly missing: string
  readonly noKey: string
}

const rotation: Family = {
  base: 'rotate/root',
  isRecovery: false,
  access: 'token',
  plain: false,
  busy: 'rotation already in progress',
  idle: 'no rotation in progress',
  idleVerify: 'no rotation in progress',
  missing: 'no rotation configuration found',
  noKey: "missing required field 'key'",
}

const unauthed: Family = {
  base: 'rekey',
  isRecovery: false,
  access: 'public',
  plain: true,
  busy: 'rekey already in progress',
  idle: 'no barrier rekey in progress',
  idleVerify: 'no rekey in progress',
  missing: 'no rekey configuration found',
  noKey: "'key' must be specified in request body as JSON",
}

const recoveryRotation: Family = { ...rotation, base: 'rotate/recovery', isRecovery: true }
const recoveryUnauthed: Family = {
  ...unauthed,
  base: 'rekey-recovery-key',
  isRecovery: true,
  idle: 'no recovery rekey in progress',
}

/** `sys/rotate/root/{init,update,verify,backup}` and the recovery twins: for callers with a token. */
export function rotateRootRoutes(rekey: RekeyPort, rules: RekeyRules): Route<unknown>[] {
  return [
    ...family(rotation, rekey, rules).map((route) => ({
      ...route,
      alias: () => route.pattern.replace('rotate/root/', 'rekey/'),
    })),
    ...backup('rotate/root/backup', 'rekey/backup', rekey),
    ...backup('rotate/recovery/backup', 'rekey/recovery-key-backup', rekey),
    ...family(recoveryRotation, rekey, rules),
  ]
}

/** `sys/rekey/…`: without a token, if the listener allows it; otherwise the paths exist, but always refuse. */
export function rekeyRoutes(rekey: RekeyPort, rules: RekeyRules, allowed: boolean): Route<unknown>[] {
  const routes = family(unauthed, rekey, rules)
  return [
    ...(allowed ? routes : routes.map((route) => ({ ...route, handle: off }))),
    ...(allowed ? family(recoveryUnauthed, rekey, rules) : []),
    ...backup('rekey/backup', 'rotate/root/backup', rekey),
    ...backup('rekey/recovery-key-backup', 'rotate/recovery/backup', rekey),
  ]
}

function off(): never {
  throw new Fault('unsupported_operation', 'unsupported operation', { listed: false })
}

/** The copy of shares that were encrypted with PGP. */
function backup(path: string, other: string, rekey: RekeyPort): Route<unknown>[] {
  return [
    read(path, {
      about: 'Read the copy of shares encrypted with PGP.',
      returns: injected({
        nonce: f.string('The id of the operation that created them.'),
        keys: f.object('The encrypted shares by PGP fingerprint, hex.'),
        keys_base64: f.object('The same, base64.'),
      }),
      alias: () => other,
      handle: async () => {
        const { nonce, keys } = await rekey.backups.read()
        const coded = Object.entries(keys).map(([print, all]) => [
          print,
          all.map((message) => base64(fromHex(message) ?? new Uint8Array())),
        ])
        return {
          data: { nonce, keys, keys_base64: Object.fromEntries(coded) as Record<string, string[]> },
        }
      },
    }),
    remove(path, {
      about: 'Remove that copy.',
      alias: () => other,
      handle: async () => {
        await rekey.backups.remove()
        return done()
      },
    }),
  ]
}

const falseIfLeftOut: Forms = (value) => (value === undefined ? [false] : [])
const fields = {
  secret_shares: f.any('How many new shares.'),
  secret_threshold: f.any('The number of shares that unseal the server.'),
  require_verification: f
    .any('The new shares become valid only after a threshold of them was submitted.')
    .reads(falseIfLeftOut),
  pgp_keys: f.any('PGP public keys, base64, one for each share: each share is encrypted for one of them.'),
  backup: f.any('Store a copy of the encrypted shares; needs pgp_keys.').reads(falseIfLeftOut),
  stored_shares: f.any('Ignored.'),
}
const shareFields = { key: f.any('A share.'), nonce: f.string('The nonce of the operation.').or('') }
const cancelFields = { nonce: f.string('If given, it must be the nonce of the operation.').limiting().or('') }

function family(kind: Family, rekey: RekeyPort, rules: RekeyRules): Route<unknown>[] {
  return [...makingRoutes(kind, rekey, rules), ...verifyingRoutes(kind, rekey)].map((route) => ({
    ...route,
    handle: async (...call: Parameters<typeof route.handle>) => {
      if (kind.isRecovery !== rules.isAuto()) throw refuse(otherShares(kind))
      return route.handle(...call)
    },
  }))
}

/** Why a family of routes is not for the shares of this server. */
function otherShares({ isRecovery, plain }: Family): string {
  if (isRecovery) return plain ? 'recovery rekeying not supported' : 'recovery keys not supported'
  const path = plain ? recoveryUnauthed.base : recoveryRotation.base
  return `a seal of the configuration unseals this server: its shares are recovery shares, which sys/${path} replaces (operator rekey -target=recovery)`
}

/** `init` and `update`: a threshold of old shares creates new ones. */
function makingRoutes(kind: Family, rekey: RekeyPort, rules: RekeyRules): Route<unknown>[] {
  const { base, access } = kind
  const returns = kind.plain ? body(rekeyMembers) : rekeyMembers
  const status = async (): Promise<Response> => answer(statusBody(await rekey.status(), kind.plain))
  return [
    read(`${base}/init`, { access, about: 'How far the rekey is.', returns, handle: status }),
    write(`${base}/init`, {
      access,
      about: 'Start to create new shares.',
      returns,
      fields,
      handle: async (_, values) => {
        const [int, bool, texts] = kind.plain
          ? [strictInt, strictBool, strictStrings]
          : [weakInt, weakBool, weakStrings]
        const shares = int('secret_shares', values.secret_shares)
        const threshold = int('secret_threshold', values.secret_threshold)
        const verify = bool('require_verification', values.require_verification)
        const pgpKeys = texts('pgp_keys', values.pgp_keys)
        const keepBackup = bool('backup', values.backup)
        rules.checkCounts(shares, threshold)
        const options = { shares, threshold, verify, pgpKeys, backup: keepBackup }
        const first = kind.isRecovery && access === 'token' ? await rekey.issueFirst(options) : undefined
        if (first) return answer(madeBody(first, kind.plain))
        await rekey.start(options, kind.busy)
        return status()
      },
    }),
    remove(`${base}/init`, {
      access,
      about: 'Cancel.',
      fields: cancelFields,
      handle: async (_, { nonce }) => {
        await rekey.cancel(nonce)
        return done()
      },
    }),
    write(`${base}/update`, {
      access,
      about: 'Submit one of the current shares.',
      returns,
      fields: shareFields,
      handle: async (_, { key, nonce }) => {
        const made = await rekey.update(updateShare(kind, key, nonce), nonce, kind.idle)
        return made ? answer(madeBody(made, kind.plain)) : status()
      },
    }),
  ]
}

/** `verify`: new shares are submitted before they become valid. */
function verifyingRoutes(kind: Family, rekey: RekeyPort): Route<unknown>[] {
  const { base, access } = kind
  const returns = kind.plain ? body(verificationMembers) : verificationMembers
  const verification = async (): Promise<Response> => answer(verifyBody(await rekey.status(), kind.missing))
  return [
    read(`${base}/verify`, { access, about: 'How far the verification is.', returns, handle: verification }),
    write(`${base}/verify`, {
      access,
      about: 'Submit one of the new shares for verification.',
      returns,
      fields: shareFields,
      handle: async (_, { key, nonce }) => {
        const share = shareOf(key, kind.noKey)
        if (nonce === '' && !kind.plain) throw refuse("missing required field 'nonce'")
        const { complete, nonce: of, unsettled } = await rekey.verify(share, nonce, kind.idleVerify)
        if (unsettled) throw new Fault('unavailable', unsettledText)
        return complete ? answer({ nonce: of, complete }) : verification()
      },
    }),
    remove(`${base}/verify`, {
      access,
      about: 'Begin the verification again.',
      returns,
      handle: async () => {
        await rekey.restartVerification(kind.missing)
        return verification()
      },
    }),
  ]
}

/** The family with a token needs the nonce as well. */
function updateShare(kind: Family, key: unknown, nonce: string): Uint8Array {
  const share = shareOf(key, kind.noKey)
  if (!kind.plain && nonce === '') throw refuse("missing required field 'nonce'")
  return share
}
