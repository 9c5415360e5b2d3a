import type { UnsealOptions } from '../../contract/seal.ts'
import type { AuditBroker } from '../../audit/broker.ts'
import type { Barrier } from '../../contract/barrier.ts'
import { Fault } from '../../contract/fault.ts'
import type { Engine } from '../../contract/engine.ts'
import type { Identities, NamespaceId } from '../../contract/identity.ts'
import type { MountRecord, MountSpec } from '../../contract/mount.ts'
import { NamespaceTokens } from '../../tokens/namespace-tokens.ts'
import { TokenLeases } from '../../tokens/token-leases.ts'
import { TokenStore } from '../../tokens/store.ts'
import { Wrappings } from '../../tokens/wrappings.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { BearerTokens } from '../authentication/bearer-tokens.ts'
import { InlineLogins } from '../authentication/inline-login.ts'
import { Lockouts } from '../authentication/lockouts.ts'
import type { LockoutSettings } from '../authentication/lockouts.ts'
import { PendingLogins } from '../authentication/pending-logins.ts'
import { Acls } from '../policies/acl-cache.ts'
import type { Namespace } from '../namespaces/namespace.ts'
import { Namespaces } from '../namespaces/namespaces.ts'
import { Quotas } from '../quotas/quotas.ts'
import { Freshness } from '../freshness.ts'
import { finishRestore, forgetTokenKeys } from '../snapshots/finish-restore.ts'
import { Schedule } from '../schedule.ts'
import { VersionHistory } from '../telemetry/version-history.ts'
import { homeOf } from './token-home.ts'
import type { HomeParts } from './token-home.ts'
import { purging, choresOf } from './chores.ts'
import { openNamespaces } from './open-namespaces.ts'

/** The parts from which a server is started once its barrier is unsealed. */
export interface UnsealedServerParts {
  readonly barrier: Barrier
  readonly audit: AuditBroker
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  readonly uuid: () => string
  /** Options of the request with the last share. */
  readonly options?: UnsealOptions
  readonly ttl: { readonly default: number; readonly max: number }
  readonly lockoutSettings: LockoutSettings
  /** The engines of this build, from the parts created so far. */
  readonly engines: (open: {
    readonly tokensOf: (namespace: NamespaceId) => NamespaceTokens
    readonly wrappings: Wrappings
    /** The state of the engine at an API path of a namespace; undefined if there is none now. */
    readonly stateAt: (namespace: NamespaceId, apiPath: string) => unknown
    /** The mounts of login methods in a namespace. */
    readonly loginMounts: (namespace: NamespaceId) => readonly MountRecord[]
    readonly identities: (namespace: NamespaceId) => Identities | undefined
    /** The identities of the namespaces above one, the nearest first. */
    readonly identitiesAbove: (namespace: NamespaceId) => readonly Identities[]
    /** The path of a namespace, from the root one on. */
    readonly pathOf: (namespace: NamespaceId) => string
  }) => readonly Engine[]
  /** The identities in the state of the engine at `identity/`. */
  readonly identitiesIn: (state: unknown) => Identities | undefined
  /** The mounts that every namespace has from the beginning. */
  readonly builtin: readonly MountSpec[]
}

/** An unsealed server: everything that exists only between unseal and seal. */
export interface UnsealedServer {
  /** The state in memory of the records. */
  readonly freshness: Freshness
  readonly namespaces: Namespaces
  readonly tokens: TokenStore
  readonly tokensOf: (namespace: NamespaceId) => NamespaceTokens
  readonly identities: (namespace: NamespaceId) => Identities | undefined
  readonly inlineLogins: InlineLogins
  readonly bearerTokens: BearerTokens
  readonly pendingLogins: PendingLogins
  readonly wrappings: Wrappings
  readonly acls: Acls
  readonly versions: VersionHistory
  readonly quotas: Quotas
  readonly leases: TokenLeases
  readonly lockouts: Lockouts
  /** Removes the remains of removed namespaces in the background. */
  purgeSoon(): void
  close(): Promise<void>
}

/**
 * Checks the audit log before anything is changed, loads tokens and then namespaces with their policies and mounts, and starts
 * the periodic tasks.
 */
export async function startUnsealed(parts: UnsealedServerParts): Promise<UnsealedServer> {
  const { barrier, audit } = parts
  const { acceptAuditLog: accept, expectedHead } = parts.options ?? {}
  // Every process has its own audit devices, with their records in its own folder.
  const folder = barrier.member === undefined ? 'core/audit/' : `core/audit/member/${barrier.member}/`
  await audit.open(barrier.view(folder), {
    attachHeads: (along) => barrier.attach(along, folder),
    ...(barrier.member === undefined && { commits: barrier.commits }),
    ...(accept !== undefined && { accept }),
    ...(expectedHead !== undefined && { expectedHead }),
  })
  try {
    if (barrier.member !== undefined && audit.devices().length === 0) throw unaudited()
    // Damage is accepted by the owner of the storage, whose log has the line.
    if (barrier.member === undefined) await noteAccepted(parts)
    const restored = barrier.member === undefined ? await barrier.restored() : undefined
    if (restored?.revokeTokens) await forgetTokenKeys(parts)
    const server = await openStores(parts)
    if (restored) await finishRestore(parts, server, restored)
    return server
  } catch (thrown) {
    await audit.close()
    throw thrown
  }
}

function unaudited(): Fault {
  return new Fault(
    'precondition_failed',
    'the server stays sealed: a process that shares the storage of another one needs an audit device of its own; declare it in the configuration file',
  )
}

/** Records in the audit log that damage to records was accepted. If no device accepts the line, the next unseal tries again. */
async function noteAccepted({ barrier, audit, log }: UnsealedServerParts): Promise<void> {
  const accepted = await barrier.accepted()
  if (!accepted) return
  try {
    await audit.note('accepted', { ...accepted })
    await barrier.acceptedIsAudited()
  } catch {
    log.error('no audit device wrote the line about the accepted damage', { code: accepted.code })
  }
}

/** What is opened after those who ask it. */
interface DeferredParts {
  namespaces?: Namespaces
}

async function openTokens(
  { barrier, clock, random }: UnsealedServerParts,
  deferred: DeferredParts,
): Promise<TokenStore> {
  return TokenStore.open({
    view: barrier.view('core/token/'),
    clock,
    random,
    lives: (token) => deferred.namespaces?.lives(token) ?? false,
    onRevoke: async (token) => {
      const namespace = deferred.namespaces?.byId(token.namespace)
      // A namespace that is being removed is emptied as a whole, and may not be loaded.
      if (namespace && !namespace.record.removing) await namespace.mounts.tokenEnded(token)
    },
  })
}

async function openStores(parts: UnsealedServerParts): Promise<UnsealedServer> {
  const { barrier, audit, clock, log } = parts
  const core = barrier.view('core/')
  const freshness = new Freshness()
  // Tokens need namespaces, and namespaces need engines, which need tokens. No token is valid before its namespace is loaded.
  const deferred: DeferredParts = {}
  const namespaceOf = (id: NamespaceId) => deferred.namespaces?.byId(id)
  const tokens = await openTokens(parts, deferred)
  const stateAt = (id: NamespaceId, path: string): unknown => namespaceOf(id)?.mounts.stateAt(path)
  const identities = (id: NamespaceId) => parts.identitiesIn(stateAt(id, 'identity/'))
  const tokensOf = (id: NamespaceId) => new NamespaceTokens(tokens, homeOf(id, { namespaceOf, identities }, parts.ttl))
  const wrappings = new Wrappings(tokens, clock, (id) => namespaceOf(id)?.refuseLocked())
  const engines = parts.engines({ tokensOf, wrappings, stateAt, identities, ...placesAround(namespaceOf, identities) })
  const lockouts = new Lockouts(clock, parts.lockoutSettings)
  const namespaces = await openNamespaces({ ...parts, freshness, lockouts }, tokens, engines)
  deferred.namespaces = namespaces
  await tokens.finishRevocations()
  const versions = await VersionHistory.open(core.under('versions/'), clock)
  const quotas = await Quotas.open(core.under('quota/'), clock, existsIn(namespaces), freshness)
  const leases = new TokenLeases(tokens)
  const schedule = new Schedule(clock, log, choresOf(parts, { tokens, leases, namespaces }))
  // A read of a record that the sweep has not reached yet waits for the check of that record only.
  void barrier.sweep().catch(() => {})
  const inlineLogins = new InlineLogins(() => server, { audit, clock, uuid: parts.uuid })
  const server: UnsealedServer = {
    freshness,
    namespaces,
    tokens,
    tokensOf,
    identities,
    inlineLogins,
    bearerTokens: new BearerTokens({
      root: () => namespaces.root,
      identities,
      logins: inlineLogins,
      clock,
    }),
    pendingLogins: new PendingLogins(clock, parts.uuid),
    wrappings,
    versions,
    quotas,
    leases,
    lockouts,
    acls: new Acls((id) => namespaceOf(id)?.policies, identities, clock),
    purgeSoon: () => schedule.runNow(purging),
    close: async () => {
      schedule.stop()
      await audit.close()
    },
  }
  return server
}

/** The folder of a namespace, its child namespaces and its parent. */
const placesAround = (namespaceOf: HomeParts['namespaceOf'], identities: HomeParts['identities']) => ({
  loginMounts: (id: NamespaceId) => namespaceOf(id)?.mounts.list('auth') ?? [],
  identitiesAbove: (id: NamespaceId) => allAbove(namespaceOf(id), identities),
  pathOf: (id: NamespaceId): string => namespaceOf(id)?.path ?? '',
})

/**
 * The identities of the namespaces above one, the nearest first. @throws Fault internal if one of them has none: its enforcements
 * would be left out
 */
function allAbove(namespace: Namespace | undefined, identities: UnsealedServer['identities']): Identities[] {
  if (!namespace?.parent) return []
  const found = identities(namespace.parent.id)
  if (!found) throw new Fault('internal', 'internal error')
  return [found, ...allAbove(namespace.parent, identities)]
}

/** Whether a namespace, and in it a mount, still exists. */
function existsIn(namespaces: Namespaces) {
  return (id: NamespaceId, mount: string | undefined): boolean => {
    const namespace = namespaces.byId(id)
    return namespace !== undefined && (mount === undefined || namespace.mounts.byUuid(mount) !== undefined)
  }
}
