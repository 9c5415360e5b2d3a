import type { UnsealOptions } from '../../contract/seal.ts'
import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { body } from '../../contract/wire/returns.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { base64, hex } from '../../util/bytes.ts'
import { product } from '../../util/version.ts'
import { shareOf, strictBool, strictInt, strictString, strictStrings } from './key-input.ts'

/** The seal manager, for these routes. */
export interface SealPort {
  status(): Promise<{
    readonly initialised: boolean
    readonly sealed: boolean
    readonly threshold: number
    readonly shares: number
    readonly progress: number
    readonly nonce: string
  }>
  initialise(
    shares: number,
    threshold: number,
    keys: { readonly pgpKeys: readonly string[]; readonly rootTokenPgpKey: string },
  ): Promise<{ readonly shares: readonly Uint8Array[]; readonly rootToken: string }>
  unseal(share: Uint8Array, options: UnsealOptions): Promise<void>
  resetUnseal(): Promise<void>
  seal(): Promise<void>
  readonly storageType: string
  readonly sealType: string
  /** The ends of the audit logs, by device; none while sealed. */
  auditHeads(): ReadonlyMap<string, { readonly size: number; readonly root?: string }>
  /** Absent while sealed. */
  cluster(): { readonly name: string; readonly id: string } | undefined
  /** @throws Fault for invalid counts. */
  checkCounts(shares: number, threshold: number): void
  /** Epoch milliseconds. */
  now(): number
}

const { read, write } = routesOf<unknown>()
const anywhere = { access: 'public', whenSealed: true } as const
/** The status can be read in every namespace; operations on the server belong to the root namespace. */
const operator = { ...anywhere, rootOnly: true } as const

const release = {
  version: f.string('The version of the API.'),
  strongroom_release: f.string('The release of this server.'),
  cluster_name: f.string('The name of the cluster; absent while sealed.'),
  cluster_id: f.string('Its id; absent while sealed.'),
}
const sealStatus = body({
  type: f.string('The kind of seal.'),
  initialized: f.bool('It is initialised.'),
  sealed: f.bool('It is sealed.'),
  t: f.int('The shares that are needed.'),
  n: f.int('The shares that there are.'),
  progress: f.int('The shares provided so far.'),
  nonce: f.string('The id of this unseal; empty: none is under way.'),
  ...release,
  commit_date: f.string('The day of the release.'),
  migration: f.bool('Always false.'),
  recovery_seal: f.bool('Always false.'),
  storage_type: f.string('The kind of storage.'),
  audit_heads: f.map('Size and root of each audit log, by device.'),
})

/** `sys/init`, `seal-status`, `unseal`, `seal`, `health`, `leader` and `step-down`. */
export function sealRoutes(manager: SealPort): Route<unknown>[] {
  return [...initRoutes(manager), unsealRoute(manager), ...operatorRoutes(manager), ...statusRoutes(manager)]
}

function initRoutes(manager: SealPort): Route<unknown>[] {
  return [
    read('init', {
      ...operator,
      about: 'Whether the server is initialised.',
      returns: body({ initialized: f.bool('It is initialised.') }),
      handle: async () => ({ plain: { initialized: (await manager.status()).initialised } }),
    }),
    write('init', {
      ...operator,
      about: 'Initialise: generate the root key, its shares, and the first root token.',
      returns: body({
        keys: f.list('The shares, hex; encrypted where PGP keys were given.').secret(),
        keys_base64: f.list('The same, base64.').secret(),
        root_token: f.string('The root token; encrypted where a PGP key was given.').secret(),
      }),
      fields: {
        secret_shares: f.any('How many shares.'),
        secret_threshold: f.any('How many of them unseal the server.'),
        pgp_keys: f.any('PGP public keys, base64, one for each share: each share is encrypted for one of them.'),
        root_token_pgp_key: f.any('The PGP public key, base64, that the root token is encrypted for.'),
        stored_shares: f.any('Ignored.'),
      },
      handle: async ({ request }, values) =>
        initialise(
          manager,
          strictInt('secret_shares', values.secret_shares),
          strictInt('secret_threshold', values.secret_threshold),
          {
            pgpKeys: strictStrings('pgp_keys', values.pgp_keys),
            rootTokenPgpKey: strictString('root_token_pgp_key', values.root_token_pgp_key),
          },
          request.data,
        ),
    }),
  ]
}

function unsealRoute(manager: SealPort): Route<unknown> {
  return write('unseal', {
    ...operator,
    about: 'Provide one key share.',
    returns: sealStatus,
    fields: {
      key: f.any('The share, hex or base64.'),
      reset: f.any('Discard the shares provided so far.'),
      migrate: f.any('Not offered.'),
      accept_storage: f.any(
        'The code of damage to stored records that is accepted; "check" checks all records and returns the code.',
      ),
      accept_audit_log: f.any('The code of damage to the audit log that is accepted, from the error message.'),
      expected_head: f.any('The head that the audit log must contain: size:root, or device:size:root.'),
    },
    handle: async ({ isGiven }, values) => {
      const storage = strictString('accept_storage', values.accept_storage)
      const accept = strictString('accept_audit_log', values.accept_audit_log)
      const head = strictString('expected_head', values.expected_head)
      if (isGiven('expected_head') && !/^(.+:)?[0-9]{1,15}:[A-Za-z0-9+/]{43}=$/.test(head))
        throw refuse('expected_head is size:root as seal-status shows it under audit_heads, or device:size:root')
      const options = {
        ...(storage !== '' && { acceptStorage: storage }),
        ...(accept !== '' && { acceptAuditLog: accept }),
        ...(head !== '' && { expectedHead: head }),
      }
      return unseal(manager, { ...values, options })
    },
  })
}

function operatorRoutes(manager: SealPort): Route<unknown>[] {
  return [
    write('seal', {
      about: 'Seal the server: wipe its keys from memory.',
      access: 'sudo',
      whenSealed: true,
      rootOnly: true,
      handle: () => ({ after: async () => manager.seal() }),
    }),
    write('step-down', {
      about: 'Give up being the active node. There is only one.',
      access: 'sudo',
      whenSealed: true,
      rootOnly: true,
      handle: () => done(),
    }),
  ]
}

function statusRoutes(manager: SealPort): Route<unknown>[] {
  return [
    read('seal-status', {
      ...anywhere,
      about: 'Whether the server is sealed, and how many shares it still needs.',
      returns: sealStatus,
      answersUnaudited: true,
      handle: async () => ({ plain: await statusBody(manager) }),
    }),
    read('health', {
      ...operator,
      about: 'For load balancers: the state as an HTTP status.',
      returns: body({
        initialized: f.bool('It is initialised.'),
        sealed: f.bool('It is sealed.'),
        standby: f.bool('As `sealed`: there are no standbys.'),
        replication_performance_mode: f.string('`disabled`; `unknown` while sealed.'),
        replication_dr_mode: f.string('The same.'),
        server_time_utc: f.int('Unix seconds.'),
        ...release,
      }),
      answersUnaudited: true,
      fields: healthFields,
      handle: async (_, values) => health(manager, values),
    }),
    read('leader', {
      ...anywhere,
      about: 'The active node.',
      returns: body({ ha_enabled: f.bool('Always false.') }),
      answersUnaudited: true,
      handle: () => ({ plain: { ha_enabled: false } }),
    }),
  ]
}

async function initialise(
  manager: SealPort,
  shares: number,
  threshold: number,
  keys: Parameters<SealPort['initialise']>[2],
  data: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const foreign = ['recovery_shares', 'recovery_threshold', 'recovery_pgp_keys'].filter((name) => data[name])
  if (foreign.length > 0) throw refuse(`parameters ${foreign.join(',')} not applicable to seal type shamir`)
  manager.checkCounts(shares, threshold)
  const result = await manager.initialise(shares, threshold, keys)
  return {
    plain: { keys: result.shares.map(hex), keys_base64: result.shares.map(base64), root_token: result.rootToken },
  }
}

interface UnsealCall {
  readonly key: unknown
  readonly reset: unknown
  readonly migrate: unknown
  readonly options: Parameters<SealPort['unseal']>[1]
}

async function unseal(manager: SealPort, { key, options, ...flags }: UnsealCall): Promise<Response> {
  const reset = strictBool('reset', flags.reset)
  const migrate = strictBool('migrate', flags.migrate)
  if (!(await manager.status()).initialised) throw refuse('Vault is not initialized')
  if (migrate) throw refuse('"migrate" is not offered: there is one kind of seal')
  if (reset) await manager.resetUnseal()
  else
    await manager.unseal(
      shareOf(key, "'key' must be specified in request body as JSON, or 'reset' set to true"),
      options,
    )
  return { plain: await statusBody(manager) }
}

/** The body of `sys/seal-status`. */
async function statusBody(manager: SealPort): Promise<Record<string, unknown>> {
  const status = await manager.status()
  const cluster = status.sealed ? undefined : manager.cluster()
  const heads = [...manager.auditHeads()].map(([path, { size, root }]) => [path, `${size}:${root}`] as const)
  return {
    type: manager.sealType,
    initialized: status.initialised,
    sealed: status.sealed,
    t: status.threshold,
    n: status.shares,
    progress: status.progress,
    nonce: status.nonce,
    version: product.version,
    strongroom_release: product.release,
    commit_date: product.buildDate.slice(0, 10),
    migration: false,
    ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
    recovery_seal: false,
    storage_type: manager.storageType,
    ...(heads.length > 0 && { audit_heads: Object.fromEntries(heads) }),
  }
}

const code = (about: string) => f.string(about)
const healthFields = {
  standbyok: code('Ignored: there are no standbys.'),
  perfstandbyok: code('Ignored: there are no standbys.'),
  activecode: code('Status while unsealed; 200.'),
  standbycode: code('Status on standby; 429.'),
  sealedcode: code('Status while sealed; 503.'),
  uninitcode: code('Status before init; 501.'),
  drsecondarycode: code('Ignored.'),
  performancestandbycode: code('Ignored.'),
}

type HealthValues = { readonly [K in keyof typeof healthFields]: string | undefined }

async function health(manager: SealPort, values: HealthValues): Promise<Response> {
  const { initialised, sealed } = await manager.status()
  for (const flag of [values.standbyok, values.perfstandbyok])
    if (flag && f.bool('').parse(flag) === undefined) throw refuse('')
  const codes = {
    active: codeOf(values.activecode, 200),
    standby: codeOf(values.standbycode, 429),
    sealed: codeOf(values.sealedcode, 503),
    uninit: codeOf(values.uninitcode, 501),
    dr: codeOf(values.drsecondarycode, 472),
    performance: codeOf(values.performancestandbycode, 473),
  }
  const cluster = sealed ? undefined : manager.cluster()
  const replication = sealed ? 'unknown' : 'disabled'
  const found = {
    initialized: initialised,
    sealed,
    standby: sealed,
    replication_performance_mode: replication,
    replication_dr_mode: replication,
    server_time_utc: Math.floor(manager.now() / 1000),
    version: product.version,
    strongroom_release: product.release,
    ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
  }
  return { status: !initialised ? codes.uninit : sealed ? codes.sealed : codes.active, plain: found }
}

function codeOf(input: string | undefined, fallback: number): number {
  if (input === undefined) return fallback
  const status = /^\d{3}$/.test(input) ? Number(input) : NaN
  // 1xx is not a final response.
  if (!(status >= 200 && status <= 999)) throw refuse('')
  return status
}
