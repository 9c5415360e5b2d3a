import { refuse } from '../../contract/fault.ts'
import { f } from '../../contract/field.ts'
import { done } from '../../contract/response.ts'
import type { Response } from '../../contract/response.ts'
import { routesOf } from '../../contract/route.ts'
import type { Route } from '../../contract/route.ts'
import { base64, hex } from '../../util/bytes.ts'
import { product } from '../../util/version.ts'
import { shareOf, strictBool, strictInt, strictText, strictTexts } from './key-input.ts'

/** What these routes need of the server's room. */
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
  unseal(
    share: Uint8Array,
    said: { readonly acceptStorage?: string; readonly acceptAuditLog?: string; readonly expectedHead?: string },
  ): Promise<void>
  resetUnseal(): Promise<void>
  seal(): Promise<void>
  readonly storageType: string
  readonly sealType: string
  /** The ends of the audit logs, by device; none while sealed. */
  auditHeads(): ReadonlyMap<string, { readonly size: number; readonly root?: string }>
  /** Known while open. */
  cluster(): { readonly name: string; readonly id: string } | undefined
  /** @throws Fault on counts that cannot be. */
  checkCounts(shares: number, threshold: number): void
  /** Epoch milliseconds. */
  now(): number
}

const { read, write } = routesOf<unknown>()
const open = { access: 'public', whenSealed: true } as const
/** How the server is may be asked in every namespace; what its operators do is done in the root one. */
const operator = { ...open, rootOnly: true } as const

/** `sys/init`, `seal-status`, `unseal`, `seal`, `health`, `leader` and their kin. */
export function sealRoutes(room: SealPort): Route<unknown>[] {
  return [
    read('init', {
      ...operator,
      about: 'Whether the server is initialised.',
      handle: async () => ({ plain: { initialized: (await room.status()).initialised } }),
    }),
    write('init', {
      ...operator,
      about: 'Initialise: make the root key, its shares, and the first root token.',
      fields: {
        secret_shares: f.any('How many shares.'),
        secret_threshold: f.any('How many of them open the server.'),
        pgp_keys: f.any('PGP public keys, base64, one for each share: each share is encrypted for one of them.'),
        root_token_pgp_key: f.any('The PGP public key, base64, that the root token is encrypted for.'),
        stored_shares: f.any('Ignored.'),
      },
      handle: async ({ request }, values) =>
        initialise(
          room,
          strictInt('secret_shares', values.secret_shares),
          strictInt('secret_threshold', values.secret_threshold),
          {
            pgpKeys: strictTexts('pgp_keys', values.pgp_keys),
            rootTokenPgpKey: strictText('root_token_pgp_key', values.root_token_pgp_key),
          },
          request.data,
        ),
    }),
    read('seal-status', {
      ...open,
      about: 'How far the server is from being open.',
      answersUnaudited: true,
      handle: async () => ({ plain: await statusBody(room) }),
    }),
    write('unseal', {
      ...operator,
      about: 'Give one key share.',
      fields: {
        key: f.any('The share, hex or base64.'),
        reset: f.any('Forget the shares given so far.'),
        migrate: f.any('Not offered.'),
        accept_storage: f.any(
          'The code of damage to stored records that is accepted; "check" has all of them checked and tells it.',
        ),
        accept_audit_log: f.any('The code of damage to the audit log that is accepted, as the refusal told it.'),
        expected_head: f.any('The head that the audit log must have had: size:root, or device:size:root.'),
      },
      handle: async ({ isGiven }, values) => {
        const storage = strictText('accept_storage', values.accept_storage)
        const accept = strictText('accept_audit_log', values.accept_audit_log)
        const head = strictText('expected_head', values.expected_head)
        if (isGiven('expected_head') && !/^(.+:)?[0-9]{1,15}:[A-Za-z0-9+/]{43}=$/.test(head))
          throw refuse('expected_head is size:root as seal-status shows it under audit_heads, or device:size:root')
        const said = {
          ...(storage !== '' && { acceptStorage: storage }),
          ...(accept !== '' && { acceptAuditLog: accept }),
          ...(head !== '' && { expectedHead: head }),
        }
        return unseal(room, { ...values, said })
      },
    }),
    write('seal', {
      about: 'Seal the server: wipe its keys from memory.',
      access: 'sudo',
      whenSealed: true,
      rootOnly: true,
      handle: () => ({ after: async () => room.seal() }),
    }),
    write('step-down', {
      about: 'Give up being the active node. There is only one.',
      access: 'sudo',
      whenSealed: true,
      rootOnly: true,
      handle: () => done(),
    }),
    read('health', {
      ...operator,
      about: 'For load balancers: the state as an HTTP status.',
      answersUnaudited: true,
      fields: healthFields,
      handle: async (_, values) => health(room, values),
    }),
    read('leader', {
      ...open,
      about: 'Who is the active node.',
      answersUnaudited: true,
      handle: () => ({ plain: { ha_enabled: false } }),
    }),
  ]
}

async function initialise(
  room: SealPort,
  shares: number,
  threshold: number,
  keys: Parameters<SealPort['initialise']>[2],
  data: Readonly<Record<string, unknown>>,
): Promise<Response> {
  const foreign = ['recovery_shares', 'recovery_threshold', 'recovery_pgp_keys'].filter((name) => data[name])
  if (foreign.length > 0) throw refuse(`parameters ${foreign.join(',')} not applicable to seal type shamir`)
  room.checkCounts(shares, threshold)
  const made = await room.initialise(shares, threshold, keys)
  return { plain: { keys: made.shares.map(hex), keys_base64: made.shares.map(base64), root_token: made.rootToken } }
}

interface UnsealCall {
  readonly key: unknown
  readonly reset: unknown
  readonly migrate: unknown
  readonly said: Parameters<SealPort['unseal']>[1]
}

async function unseal(room: SealPort, { key, said, ...given }: UnsealCall): Promise<Response> {
  const reset = strictBool('reset', given.reset)
  const migrate = strictBool('migrate', given.migrate)
  if (!(await room.status()).initialised) throw refuse('Vault is not initialized')
  if (migrate) throw refuse('"migrate" is not offered: there is one kind of seal')
  if (reset) await room.resetUnseal()
  else await room.unseal(shareOf(key, "'key' must be specified in request body as JSON, or 'reset' set to true"), said)
  return { plain: await statusBody(room) }
}

/** The body of `sys/seal-status`. */
async function statusBody(room: SealPort): Promise<Record<string, unknown>> {
  const status = await room.status()
  const cluster = status.sealed ? undefined : room.cluster()
  const heads = [...room.auditHeads()].map(([path, { size, root }]) => [path, `${size}:${root}`] as const)
  return {
    type: room.sealType,
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
    storage_type: room.storageType,
    ...(heads.length > 0 && { audit_heads: Object.fromEntries(heads) }),
  }
}

const code = (about: string) => f.string(about)
const healthFields = {
  standbyok: code('Ignored: there are no standbys.'),
  perfstandbyok: code('Ignored: there are no standbys.'),
  activecode: code('Status while open; 200.'),
  standbycode: code('Status on standby; 429.'),
  sealedcode: code('Status while sealed; 503.'),
  uninitcode: code('Status before init; 501.'),
  drsecondarycode: code('Ignored.'),
  performancestandbycode: code('Ignored.'),
}

type HealthValues = { readonly [K in keyof typeof healthFields]: string | undefined }

async function health(room: SealPort, values: HealthValues): Promise<Response> {
  const { initialised, sealed } = await room.status()
  for (const given of [values.standbyok, values.perfstandbyok])
    if (given && f.bool('').parse(given) === undefined) throw refuse('')
  const codes = {
    active: codeOf(values.activecode, 200),
    standby: codeOf(values.standbycode, 429),
    sealed: codeOf(values.sealedcode, 503),
    uninit: codeOf(values.uninitcode, 501),
    dr: codeOf(values.drsecondarycode, 472),
    performance: codeOf(values.performancestandbycode, 473),
  }
  const cluster = sealed ? undefined : room.cluster()
  const replication = sealed ? 'unknown' : 'disabled'
  const body = {
    initialized: initialised,
    sealed,
    standby: sealed,
    replication_performance_mode: replication,
    replication_dr_mode: replication,
    server_time_utc: Math.floor(room.now() / 1000),
    version: product.version,
    strongroom_release: product.release,
    ...(cluster && { cluster_name: cluster.name, cluster_id: cluster.id }),
  }
  return { status: !initialised ? codes.uninit : sealed ? codes.sealed : codes.active, plain: body }
}

function codeOf(given: string | undefined, usual: number): number {
  if (given === undefined) return usual
  const status = /^\d{3}$/.test(given) ? Number(given) : NaN
  // 1xx would not be an answer but the promise of one.
  if (!(status >= 200 && status <= 999)) throw refuse('')
  return status
}
