import { hostname } from 'node:os'
import { LogQueries } from '../audit/queries.ts'
import type { AuditBroker } from '../audit/broker.ts'
import type { Config } from '../config/types.ts'
import type { Barrier } from '../contract/barrier.ts'
import type { NamespaceId } from '../contract/identity.ts'
import { apiPathOf } from '../contract/mount.ts'
import type { Storage } from '../contract/storage.ts'
import { completeLogin, isPending } from '../core/authentication/complete-login.ts'
import type { BrowserSettings } from '../core/browser-settings.ts'
import { decoded, rootTokenLength } from '../core/seal/generate-root.ts'
import type { GenerateRoot } from '../core/seal/generate-root.ts'
import type { UnsealedServer } from '../core/unsealed/unsealed-server.ts'
import type { Events } from '../core/telemetry/events.ts'
import { measure } from '../core/telemetry/metrics.ts'
import { innermost } from '../core/namespaces/namespace.ts'
import type { Namespaces } from '../core/namespaces/namespaces.ts'
import type { SealHealth } from '../core/seal/seal-health.ts'
import type { AutoUnseal } from '../core/seal/auto-unseal.ts'
import type { Rekey } from '../core/seal/rekey.ts'
import type { SealManager } from '../core/seal/seal-manager.ts'
import type { LoopDelay } from '../core/telemetry/loop-delay.ts'
import { selected } from '../core/telemetry/selection.ts'
import type { UsageCounts } from '../core/telemetry/usage.ts'
import type { ScheduledSnapshots } from '../core/snapshots/scheduled/scheduled-snapshots.ts'
import { storageSpace } from '../core/telemetry/storage-space.ts'
import { defaultMinFree } from '../storage/level/space.ts'
import type { CertificateWatch } from './log/certificate-watch.ts'
import type { Traffic } from '../core/telemetry/traffic.ts'
import { randomBytes } from '../crypto/fast/random.ts'
import { hashing, heavy, slow } from '../crypto/workers/heavy.ts'
import { loggedGenerateRoot, loggedRekey, loggedRotation, loggedSeal } from './log/logged-ports.ts'
import { sanitized } from './sanitized-config.ts'
import { checkCounts } from '../seal/shares.ts'
import type { SystemPorts } from '../system/engine.ts'
import type { Clock } from '../util/clock.ts'
import type { Loggers } from '../util/log.ts'

interface Parts {
  readonly manager: SealManager
  readonly autoUnseal: Pick<AutoUnseal, 'start' | 'stop'>
  readonly sealHealth: Pick<SealHealth, 'states'>
  readonly barrier: Barrier
  readonly audit: AuditBroker
  readonly storage: Storage
  readonly config: Config
  readonly clock: Clock
  /** @throws Fault sealed */
  readonly unsealed: () => UnsealedServer
  readonly rekey: Rekey
  readonly rotateRoot: Rekey
  readonly generateRoot: GenerateRoot
  readonly cluster: () => { readonly name: string; readonly id: string } | undefined
  readonly ttl: { readonly default: number; readonly max: number }
  readonly loggers: Loggers
  readonly events: Events
  readonly loopDelay: LoopDelay
  readonly usage: UsageCounts
  readonly certificates: Pick<CertificateWatch, 'lives'>
  readonly traffic: Traffic
  readonly snapshots: SystemPorts['snapshots']
  readonly scheduledSnapshots: ScheduledSnapshots
  readonly browser: BrowserSettings
}

/** The ports of the `sys/` routes for the whole server, exactly as they declare them. */
export function systemPorts(parts: Parts): SystemPorts {
  const { audit, config, events, unsealed } = parts
  return {
    seal: loggedSeal(sealPort(parts), events),
    rotate: loggedRotation(rotationPort(parts), events),
    rekey: loggedRekey(parts.rekey, events, 'rekey'),
    rotateRoot: loggedRekey(parts.rotateRoot, events, 'rotate-root'),
    generateRoot: loggedGenerateRoot(
      Object.assign(parts.generateRoot, { decoded, otpLength: rootTokenLength }),
      events,
    ),
    audit: {
      devices: () => audit.devices(),
      enable: async (spec) => audit.enable(spec),
      disable: async (path) => audit.disable(path),
      hash: (path, input, generation) =>
        generation === undefined ? audit.hash(path, input) : audit.oldHash(path, input, generation),
      headers: () => audit.headers(),
      setHeader: async (name, hashed) => audit.setHeader(name, hashed),
      mayCreate: config.apiAudit,
    },
    auditLog: new LogQueries(audit),
    ...operatingPorts(parts),
    scheduledSnapshots: parts.scheduledSnapshots,
    mfa: mfaPort(parts),
    wrapping: {
      lookup: async (bearer) => unsealed().wrappings.lookup(bearer),
      take: async (bearer, by) => unsealed().wrappings.take(bearer, by),
      rewrap: async (bearer, by, ttl) => unsealed().wrappings.rewrap(bearer, by, ttl),
    },
    rules: { checkCounts, isAuto: () => parts.manager.isAuto },
    snapshots: parts.snapshots,
    unauthedRekey: config.listeners.some((listener) => listener.unauthedRekey),
    unauthedGenerateRoot: config.listeners.some((listener) => listener.unauthedGenerateRoot),
    random: randomBytes,
  }
}

/** An operator who seals the server wants it to stay sealed. */
function sealPort({ manager, autoUnseal, sealHealth, storage, cluster, audit, clock }: Parts): SystemPorts['seal'] {
  return {
    status: async () => manager.status(),
    initialise: async (shares, threshold, keys) => {
      const initialised = await manager.initialise(shares, threshold, keys)
      await autoUnseal.start()
      return initialised
    },
    unseal: async (share, options) => {
      await manager.unseal(share, options)
      // Who unseals the server wants it unsealed, also after its storage was lost for a while.
      if (manager.isUnsealed) await autoUnseal.start()
    },
    resetUnseal: async () => manager.resetUnseal(),
    seal: async () => {
      autoUnseal.stop()
      await manager.seal()
    },
    backends: () => sealHealth.states,
    wrappedBy: async () => (await manager.record())?.wrappedKeys?.map(({ seal }) => seal),
    storageType: storage.type,
    cluster,
    auditHeads: () => audit.heads(),
    checkCounts,
    now: () => clock.now(),
  }
}

const rotationPort = ({ barrier, manager }: Parts): SystemPorts['rotate'] => ({
  keyStatus: () => barrier.keyStatus(),
  rotate: async () => barrier.rotate(),
  rotateRoot: async () => manager.rotateRoot(),
  rotation: async () => barrier.rotation(),
  configureRotation: async (rotation) => barrier.configureRotation(rotation),
})

const mfaPort = ({ unsealed }: Parts): SystemPorts['mfa'] => ({
  isPending: (request, id) => isPending(unsealed(), request, id),
  complete: async (request, id, passcodes) => ({ another: await completeLogin(unsealed(), request, id, passcodes) }),
})

type OperatingPorts = Pick<SystemPorts, 'quotas' | 'browser' | 'loggers' | 'metrics' | 'serverInfo'>

function metricsPort(parts: Parts): SystemPorts['metrics'] {
  const { config, clock } = parts
  return {
    unauthenticated: config.listeners.some((listener) => listener.openMetrics),
    measure: async () => {
      const { sealed, progress } = await parts.manager.status()
      const isUnsealed = !sealed && parts.manager.isUnsealed
      const all = measure({
        traffic: parts.traffic,
        logs: parts.audit.measure(),
        isUnsealed,
        unsealProgress: progress,
        seals: parts.sealHealth.states,
        loopDelay: parts.loopDelay.get(),
        storage: await spaceOf(config.storage, parts.storage.failing),
        certificates: parts.certificates.lives(),
        // Monitoring that cannot see the backups still has to see the rest.
        backups: isUnsealed ? await parts.scheduledSnapshots.measure().catch(() => []) : [],
        usage: isUnsealed ? await parts.usage.get() : undefined,
        queues: {
          workers: { heavy: heavy.waiting, slow: slow.waiting, hashing: hashing.waiting },
          storage: parts.storage.waiting,
        },
        at: clock.now(),
      })
      const select = config.telemetry ?? {}
      return {
        ...all,
        gauges: selected(all.gauges, select),
        counters: selected(all.counters, select),
        samples: selected(all.samples, select),
      }
    },
  }
}

/** The requests of an operator to a running server. */
function operatingPorts(parts: Parts): OperatingPorts {
  const { config, clock, unsealed } = parts
  return {
    browser: parts.browser,
    quotas: {
      config: () => unsealed().quotas.config,
      configure: async (settings) => unsealed().quotas.configure(settings),
      names: () => unsealed().quotas.names(),
      get: (name) => unsealed().quotas.get(name),
      write: async (quota) => unsealed().quotas.write(quota),
      delete: async (name) => unsealed().quotas.delete(name),
      place: (path) => placeOf(unsealed().namespaces, path),
      pathOf: (namespace, mount) => pathOf(unsealed().namespaces, namespace, mount),
    },
    loggers: parts.loggers,
    metrics: metricsPort(parts),
    serverInfo: {
      now: () => clock.now(),
      hostname: hostname(),
      apiAddress: config.apiAddr ?? '',
      storagePath: config.storage.type === 'level' ? config.storage.path : undefined,
      settings: sanitized(config),
      versions: async () => unsealed().versions.list(),
      inFlight: () => parts.traffic.inFlight(),
    },
  }
}

async function spaceOf(storage: Config['storage'], failing = false) {
  if (storage.type !== 'level') return undefined
  const space = await storageSpace(storage.path, storage.minFreeBytes ?? defaultMinFree)
  return space && failing ? { ...space, writable: 0 } : space
}

/** The target of a path from the root namespace: the mount with the rest of the path, or a whole namespace. */
function placeOf({ root }: Namespaces, path: string) {
  const folder = path === '' || path.endsWith('/') ? path : `${path}/`
  const namespace = innermost(root, folder)
  const inside = folder.slice(namespace.path.length)
  const mount = inside === '' ? undefined : namespace.mounts.router.mountOf(inside)
  if (inside !== '' && !mount) return undefined
  return {
    namespace: namespace.id,
    ...(mount && { mount: mount.record.uuid }),
    isLogin: mount?.record.kind === 'auth',
    hasRoles: mount?.engine.routes.some(({ loginRole }) => loginRole) ?? false,
    rest: mount ? inside.slice(mount.apiPath.length) : '',
  }
}

/** The path, from the root namespace on, of a namespace or of a mount in it. */
function pathOf(namespaces: Namespaces, id: NamespaceId, uuid: string | undefined): string | undefined {
  const namespace = namespaces.byId(id)
  if (!namespace || uuid === undefined) return namespace?.path
  const record = namespace.mounts.byUuid(uuid)
  return record && namespace.path + apiPathOf(record)
}
