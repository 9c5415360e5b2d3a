import { defineEngine } from '../contract/engine.ts'
import type { Engine } from '../contract/engine.ts'
import type { NamespaceId } from '../contract/identity.ts'
import type { Route } from '../contract/route.ts'
import { hashText, randomText } from '../crypto/tools.ts'
import { auditLogRoutes } from './audit/audit-log.ts'
import type { AuditLogPort } from './audit/audit-log.ts'
import { auditRoutes } from './audit/audit.ts'
import type { AuditPort } from './audit/audit.ts'
import { corsRoutes, uiHeaderRoutes } from './browser.ts'
import type { BrowserPort } from './browser.ts'
import { capabilityRoutes } from './policies/capabilities.ts'
import type { CapabilityPort } from './policies/capabilities.ts'
import { explainRoutes } from './policies/explain.ts'
import type { ExplainPort } from './policies/explain.ts'
import { generateRootRoutes } from './seal/generate-root.ts'
import type { GenerateRootPort } from './seal/generate-root.ts'
import { internalRoutes } from './info/internal.ts'
import type { InternalPort } from './info/internal.ts'
import { leaseRoutes } from './leases.ts'
import type { LeasePort } from './leases.ts'
import { lockoutRoutes } from './lockouts.ts'
import type { LockoutPort } from './lockouts.ts'
import { loggerRoutes } from './info/loggers.ts'
import type { LoggerPort } from './info/loggers.ts'
import { metricsRoutes } from './info/metrics.ts'
import type { MetricsPort } from './info/metrics.ts'
import { mountRoutes } from './mounts/mounts.ts'
import type { MountPort } from './mounts/mount-port.ts'
import { namespaceRoutes } from './namespaces.ts'
import type { NamespacePort } from './namespaces.ts'
import { openApiRoutes } from './info/openapi.ts'
import type { OpenApiPort } from './info/openapi.ts'
import { passwordPolicyRoutes } from './policies/password-policies.ts'
import type { PasswordPolicyPort } from './policies/password-policies.ts'
import { policyRoutes } from './policies/policies.ts'
import type { PolicyPort } from './policies/policy-port.ts'
import { quotaRoutes } from './quotas.ts'
import type { QuotaPort } from './quotas.ts'
import { rekeyRoutes, rotateRootRoutes } from './seal/rekey.ts'
import type { RekeyPort, RekeyRules } from './seal/rekey.ts'
import { remountRoutes } from './mounts/remount.ts'
import type { RemountPort } from './mounts/remount.ts'
import { rotateRoutes } from './seal/rotate.ts'
import type { RotatePort } from './seal/rotate.ts'
import { sealRoutes } from './seal/seal.ts'
import type { SealPort } from './seal/seal-port.ts'
import { counterRoutes, serverInfoRoutes } from './info/server-info.ts'
import type { CounterPort, ServerInfoPort } from './info/server-info.ts'
import { mfaRoutes } from './mfa.ts'
import type { MfaPort } from './mfa.ts'
import { snapshotRecoveryRoutes } from './snapshots/recovery.ts'
import type { SnapshotRecoveryPort } from './snapshots/recovery.ts'
import { snapshotRoutes } from './snapshots/snapshots.ts'
import type { SnapshotPort } from './snapshots/snapshots.ts'
import { scheduledSnapshotRoutes } from './snapshots/scheduled.ts'
import type { ScheduledSnapshotPort } from './snapshots/scheduled.ts'
import { toolRoutes } from './tools.ts'
import { wrappingRoutes } from './wrapping.ts'
import type { WrappingPort } from './wrapping.ts'

/** The namespace that `sys/` is mounted in, each part as its routes declare it. */
export interface NamespacePorts {
  readonly mounts: MountPort & RemountPort
  readonly policies: PolicyPort
  readonly passwordPolicies: PasswordPolicyPort
  readonly capabilities: CapabilityPort
  readonly explain: ExplainPort
  readonly internal: InternalPort
  readonly openApi: OpenApiPort
  readonly leases: LeasePort
  readonly counters: CounterPort
  readonly lockouts: LockoutPort
  readonly namespaces: NamespacePort
}

/** Everything that `sys/` needs of the server as a whole. */
export interface SystemPorts {
  readonly seal: SealPort
  readonly rotate: RotatePort
  readonly rekey: RekeyPort
  readonly rotateRoot: RekeyPort
  readonly generateRoot: GenerateRootPort
  readonly audit: AuditPort
  readonly auditLog: AuditLogPort
  readonly browser: BrowserPort
  readonly quotas: QuotaPort
  readonly loggers: LoggerPort
  readonly metrics: MetricsPort
  readonly serverInfo: ServerInfoPort
  readonly rules: RekeyRules
  readonly snapshots: SnapshotPort & SnapshotRecoveryPort
  readonly scheduledSnapshots: ScheduledSnapshotPort
  readonly wrapping: WrappingPort
  readonly mfa: MfaPort
  /** Listener switches. */
  readonly unauthedRekey: boolean
  readonly unauthedGenerateRoot: boolean
  readonly random: (bytes: number) => Uint8Array
}

/** Only the root namespace has these: they are of the whole server. */
const inRootOnly = <S>(routes: readonly Route<S>[]): Route<S>[] => routes.map((route) => ({ ...route, rootOnly: true }))

/** Whole path families: a share that was sent to the wrong path of one is just as secret. */
const withKeyShares = <S>(routes: readonly Route<S>[]): Route<S>[] =>
  routes.map((route) => ({ ...route, neverRaw: true }))

/** The `sys/` mount of every namespace: an engine like any other, created from narrow ports. */
export function systemEngine(ports: SystemPorts, portsOf: (namespace: NamespaceId) => NamespacePorts): Engine {
  const routes: Route<NamespacePorts>[] = [
    ...withKeyShares(sealRoutes(ports.seal)),
    ...inRootOnly([
      ...withKeyShares([
        ...rotateRoutes(ports.rotate),
        ...rekeyRoutes(ports.rekey, ports.rules, ports.unauthedRekey),
        ...rotateRootRoutes(ports.rotateRoot, ports.rules),
        ...generateRootRoutes(ports.generateRoot, ports.unauthedGenerateRoot),
      ]),
      ...auditRoutes(ports.audit),
      ...auditLogRoutes(ports.auditLog),
      ...corsRoutes(ports.browser),
      ...uiHeaderRoutes(ports.browser),
      ...quotaRoutes(ports.quotas),
      ...loggerRoutes(ports.loggers),
      ...metricsRoutes(ports.metrics),
      ...snapshotRoutes(ports.snapshots),
      ...snapshotRecoveryRoutes(ports.snapshots),
      ...scheduledSnapshotRoutes(ports.scheduledSnapshots),
    ]),
    ...mountRoutes(),
    ...remountRoutes(),
    ...policyRoutes(),
    ...passwordPolicyRoutes(),
    ...capabilityRoutes(),
    ...explainRoutes(),
    ...internalRoutes(),
    ...openApiRoutes(),
    ...leaseRoutes(),
    ...counterRoutes(),
    ...lockoutRoutes(),
    ...namespaceRoutes(),
    ...wrappingRoutes(ports.wrapping),
    ...mfaRoutes(ports.mfa),
    ...serverInfoRoutes(ports.serverInfo),
    ...toolRoutes({ hash: hashText, random: (request) => randomText(ports.random, request) }),
  ]
  return defineEngine<NamespacePorts>({
    type: 'system',
    kind: 'secret',
    about: 'Control, policy and state of the server.',
    start: ({ namespace }) => portsOf(namespace),
    routes,
  })
}
