import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { AuditBroker } from './audit/broker.ts'
import type { Config } from './config/types.ts'
import type { Barrier } from './contract/barrier.ts'
import type { Caller, TokenRecord } from './contract/identity.ts'
import type { Storage } from './contract/storage.ts'
import type { BrowserSettings } from './core/browser-settings.ts'
import { decoded, rootTokenLength } from './core/generate-root.ts'
import type { GenerateRoot } from './core/generate-root.ts'
import type { OpenServer } from './core/open-server.ts'
import { measure } from './core/measure.ts'
import type { Rekey } from './core/rekey.ts'
import type { Room } from './core/room.ts'
import type { Traffic } from './core/traffic.ts'
import { randomBytes } from './crypto/random.ts'
import { sanitized } from './sanitized.ts'
import { checkCounts } from './seal/shamir.ts'
import type { SystemPorts } from './system/engine.ts'
import type { Clock } from './util/clock.ts'
import type { Loggers } from './util/log.ts'

interface Parts {
  readonly room: Room
  readonly barrier: Barrier
  readonly audit: AuditBroker
  readonly storage: Storage
  readonly config: Config
  readonly clock: Clock
  /** @throws Fault sealed */
  readonly opened: () => OpenServer
  readonly rekey: Rekey
  readonly rotateRoot: Rekey
  readonly generateRoot: GenerateRoot
  readonly cluster: () => { readonly name: string; readonly id: string } | undefined
  readonly ttl: { readonly default: number; readonly max: number }
  readonly loggers: Loggers
  readonly traffic: Traffic
  readonly browser: BrowserSettings
}

/** Gives the `sys/` routes exactly what they declared to need. */
export function ports(parts: Parts): SystemPorts {
  const { room, barrier, audit, storage, config, clock, opened } = parts
  const aclOf = async (token: TokenRecord) => opened().acls.of(token)
  const reaches = async ({ token }: Caller, path: string): Promise<boolean> =>
    token ? (await aclOf(token)).reaches(path) : false
  return {
    seal: {
      status: async () => room.status(),
      initialise: async (shares, threshold, keys) => room.initialise(shares, threshold, keys),
      unseal: async (share) => room.unseal(share),
      resetUnseal: async () => room.resetUnseal(),
      seal: async () => room.seal(),
      storageType: storage.type,
      sealType: 'shamir',
      cluster: parts.cluster,
      checkCounts,
      now: () => clock.now(),
    },
    rotate: {
      keyStatus: () => barrier.keyStatus(),
      rotate: async () => barrier.rotate(),
      rotateRoot: async () => room.rotateRoot(),
      rotation: async () => barrier.rotation(),
      configureRotation: async (rotation) => barrier.configureRotation(rotation),
    },
    rekey: parts.rekey,
    rotateRoot: parts.rotateRoot,
    generateRoot: Object.assign(parts.generateRoot, { decoded, otpLength: rootTokenLength }),
    mounts: {
      list: (kind) => opened().mounts.list(kind),
      holding: (path) => opened().router.mountOf(path)?.record,
      limits: (record) => opened().mounts.limits(record),
      ttl: parts.ttl,
      versions: (type) => opened().mounts.versions(type),
      enable: async (spec) => opened().mounts.enable(spec),
      disable: async (path) => opened().mounts.disable(path),
      tune: async (path, change) => opened().mounts.tune(path, change),
      move: async (from, to) => opened().mounts.move(from, to),
      uuid: randomUUID,
    },
    policies: {
      get: async (name) => opened().policies.get(name),
      list: async (prefix) => opened().policies.list(prefix),
      write: async (name, change) => opened().policies.write(name, change),
      patch: async (name, change) => opened().policies.patch(name, change),
      delete: async (name) => opened().policies.delete(name),
      now: () => clock.now(),
    },
    passwordPolicies: {
      get: async (name) => opened().passwordPolicies.get(name),
      list: async () => opened().passwordPolicies.list(),
      write: async (name, policy) => opened().passwordPolicies.write(name, policy),
      delete: async (name) => opened().passwordPolicies.delete(name),
      generate: async (name) => opened().passwordPolicies.generate(name),
    },
    capabilities: {
      ofToken: async (token, paths) => capabilitiesOf(await opened().tokens.resolve(token), paths, aclOf),
      ofAccessor: async (accessor, paths) => capabilitiesOf(await opened().tokens.byAccessor(accessor), paths, aclOf),
    },
    internal: {
      list: (kind) => opened().mounts.list(kind),
      holding: (path) => opened().router.mountOf(path)?.record,
      reaches,
      resultant: async (caller: Caller) => (caller.token ? (await aclOf(caller.token)).resultant() : {}),
    },
    openApi: {
      offered: () =>
        opened()
          .router.all()
          .map(({ record, engine }) => ({ record, routes: engine.routes })),
      reaches,
    },
    audit: {
      devices: () => audit.devices(),
      enable: async (spec) => audit.enable(spec),
      disable: async (path) => audit.disable(path),
      hash: (path, input) => audit.hash(path, input),
      headers: () => audit.headers(),
      setHeader: async (name, hashed) => audit.setHeader(name, hashed),
      mayCreate: config.apiAudit,
    },
    ...operatingPorts(parts),
    wrapping: {
      lookup: async (bearer) => opened().wrappings.lookup(bearer),
      take: async (bearer, by) => opened().wrappings.take(bearer, by),
      rewrap: async (bearer, by, ttl) => opened().wrappings.rewrap(bearer, by, ttl),
    },
    rules: { checkCounts },
    unauthedRekey: config.listeners.some((listener) => listener.unauthedRekey),
    unauthedGenerateRoot: config.listeners.some((listener) => listener.unauthedGenerateRoot),
    random: randomBytes,
  }
}

type OperatingPorts = Pick<SystemPorts, 'leases' | 'quotas' | 'browser' | 'loggers' | 'metrics' | 'serverInfo'>

/** What an operator asks a running server. */
function operatingPorts(parts: Parts): OperatingPorts {
  const { config, clock, opened } = parts
  return {
    browser: parts.browser,
    leases: {
      now: () => clock.now(),
      lookup: async (lease) => opened().leases.lookup(lease),
      list: async (prefix) => opened().leases.list(prefix),
      revoke: async (lease) => opened().leases.revoke(lease),
      revokePrefix: async (prefix, wait) => opened().leases.revokePrefix(prefix, wait),
      tidy: () => opened().leases.tidySoon(),
    },
    quotas: {
      config: () => opened().quotas.config,
      configure: async (settings) => opened().quotas.configure(settings),
      names: () => opened().quotas.names(),
      get: (name) => opened().quotas.get(name),
      write: async (quota) => opened().quotas.write(quota),
      delete: async (name) => opened().quotas.delete(name),
      holding: (path) => opened().router.mountOf(path)?.record,
      mount: (uuid) => opened().mounts.byUuid(uuid),
    },
    loggers: parts.loggers,
    metrics: { measure: () => measure(parts.traffic, clock.now()) },
    serverInfo: {
      now: () => clock.now(),
      hostname: hostname(),
      apiAddress: config.apiAddr ?? '',
      storagePath: config.storage.type === 'level' ? config.storage.path : undefined,
      settings: sanitized(config),
      versions: async () => opened().versions.list(),
      tokens: async () => (await opened().tokens.accessors()).length,
      inFlight: () => parts.traffic.inFlight(),
    },
  }
}

type AclOf = (token: TokenRecord) => Promise<{ capabilities(path: string): ReturnType<Caller['capabilities']> }>

async function capabilitiesOf(token: TokenRecord | undefined, paths: readonly string[], aclOf: AclOf) {
  if (!token) return undefined
  const acl = await aclOf(token)
  return paths.map((path) => acl.capabilities(path))
}
