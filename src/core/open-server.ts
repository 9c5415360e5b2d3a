import type { AuditBroker } from '../audit/broker.ts'
import type { Barrier } from '../contract/barrier.ts'
import type { Engine } from '../contract/engine.ts'
import type { TokenRecord } from '../contract/identity.ts'
import type { MountSpec } from '../contract/mount.ts'
import { TokenLeases } from '../tokens/token-leases.ts'
import { TokenStore } from '../tokens/store.ts'
import { Wrappings } from '../tokens/wrappings.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Acls } from './acls.ts'
import { Mounts } from './mounts.ts'
import { PasswordPolicies } from './password-policies.ts'
import { Policies } from './policies.ts'
import { Quotas } from './quotas.ts'
import { Schedule } from './schedule.ts'
import { VersionHistory } from './version-history.ts'

/** What is needed to open a server whose barrier has been unsealed. */
export interface OpeningParts {
  readonly barrier: Barrier
  readonly audit: AuditBroker
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  readonly uuid: () => string
  readonly ttl: { readonly default: number; readonly max: number }
  /** The engines of this build, given what has been opened so far. */
  readonly engines: (open: {
    readonly tokens: TokenStore
    readonly wrappings: Wrappings
    readonly policies: Policies
  }) => readonly Engine[]
  readonly builtin: readonly MountSpec[]
  /** Called when a token is gone, with the mounts that may hold something of it. */
  readonly forget: (mounts: Mounts, token: TokenRecord) => Promise<void>
}

/** An open server: everything that exists only between unseal and seal. */
export interface OpenServer {
  readonly mounts: Mounts
  readonly router: Mounts['router']
  readonly tokens: TokenStore
  readonly wrappings: Wrappings
  readonly policies: Policies
  readonly acls: Acls
  readonly passwordPolicies: PasswordPolicies
  readonly versions: VersionHistory
  readonly quotas: Quotas
  readonly leases: TokenLeases
  close(): Promise<void>
}

/** Opens policies, tokens, mounts and audit devices, in this order, and starts the chores. */
export async function openServer(parts: OpeningParts): Promise<OpenServer> {
  const { barrier, audit, clock, log, random } = parts
  const core = barrier.view('core/')
  const policies = new Policies(core.under('policy/acl/'), clock)
  await policies.ready()
  const late: { mounts?: Mounts } = {}
  const tokens = await TokenStore.open({
    view: core.under('token/'),
    clock,
    random,
    limits: () => tokenLimits(late.mounts, parts.ttl),
    onRevoke: async (token) => {
      if (late.mounts) await parts.forget(late.mounts, token)
    },
  })
  const wrappings = new Wrappings(tokens, clock)
  const engines = parts.engines({ tokens, wrappings, policies })
  const mounts = await Mounts.open({ ...parts, view: barrier.view(''), engines }, parts.builtin)
  late.mounts = mounts
  await tokens.finishRevocations()
  await audit.open(core.under('audit/'))
  const versions = await VersionHistory.open(core.under('versions/'), clock)
  const quotas = await Quotas.open(core.under('quota/'), clock, (uuid) => mounts.byUuid(uuid) !== undefined)
  const leases = new TokenLeases(tokens)
  const schedule = new Schedule(clock, log, [
    { name: 'expiring tokens', every: 1000, run: async () => tokens.sweep(clock.now()) },
    { name: 'ended leases', every: 1000, run: async () => leases.sweep() },
    { name: 'rotating the encryption key', every: 60_000, run: async () => barrier.rotateIfDue() },
    { name: 'chores of the mounts', every: 60_000, run: async () => mounts.tend() },
  ])
  return {
    mounts,
    router: mounts.router,
    tokens,
    wrappings,
    policies,
    versions,
    quotas,
    leases,
    passwordPolicies: new PasswordPolicies(core.under('policy/password/'), random),
    acls: new Acls(policies, clock),
    close: async () => {
      schedule.stop()
      await audit.close()
    },
  }
}

function tokenLimits(
  mounts: Mounts | undefined,
  ttl: OpeningParts['ttl'],
): { readonly defaultTtl: number; readonly maxTtl: number } {
  const record = mounts?.at('auth/token/')
  return record && mounts ? mounts.limits(record) : { defaultTtl: ttl.default, maxTtl: ttl.max }
}
