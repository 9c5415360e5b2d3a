import { randomUUID } from 'node:crypto'
import { AuditBroker } from '../audit/broker.ts'
import { EncryptedBarrier } from '../barrier/barrier.ts'
import type { Config } from '../config/types.ts'
import type { Engine } from '../contract/engine.ts'
import { Fault } from '../contract/fault.ts'
import type { AutoSeal, UnsealOptions } from '../contract/seal.ts'
import type { Storage } from '../contract/storage.ts'
import { BrowserSettings } from '../core/browser-settings.ts'
import { Pipeline } from '../core/request/pipeline.ts'
import { sealedDecider, uploadsTo } from '../core/request/sealed.ts'
import { GenerateRoot } from '../core/seal/generate-root.ts'
import { Rekey } from '../core/seal/rekey.ts'
import { SealHealth } from '../core/seal/seal-health.ts'
import { SealManager } from '../core/seal/seal-manager.ts'
import { ShareBackups } from '../core/seal/share-backup.ts'
import type { UnsealedServer } from '../core/unsealed/unsealed-server.ts'
import { Events } from '../core/telemetry/events.ts'
import { LoopDelay } from '../core/telemetry/loop-delay.ts'
import type { CertificateWatch } from './log/certificate-watch.ts'
import { ScheduledSnapshots } from '../core/snapshots/scheduled/scheduled-snapshots.ts'
import { Snapshots } from '../core/snapshots/snapshots.ts'
import { UsageCounts } from '../core/telemetry/usage.ts'
import type { Usage } from '../core/telemetry/usage.ts'
import { Traffic } from '../core/telemetry/traffic.ts'
import { randomBytes } from '../crypto/fast/random.ts'
import { systemEngine } from '../system/engine.ts'
import type { Clock } from '../util/clock.ts'
import type { Loggers } from '../util/log.ts'
import { isName, shapeOf } from '../util/stored/shape.ts'
import { auditDevices, targetsBeside } from './audit-devices.ts'
import type { EnginePorts } from './engines.ts'
import { namespacePorts } from './namespace-ports.ts'
import { RootKeySeal } from '../seal/root-key-seal.ts'
import { AutoUnseal } from '../core/seal/auto-unseal.ts'
import { autoSealsOf } from './seals.ts'
import { auditFailure } from './start-failures.ts'
import { systemPorts } from './system-ports.ts'

/** The parts of a server. */
export interface CoreParts {
  readonly config: Config
  readonly storage: Storage
  readonly clock: Clock
  readonly loggers: Loggers
  readonly certificates: CertificateWatch
  /** Engines in addition to those of this build. */
  readonly engines: (ports: EnginePorts) => readonly Engine[]
}

/** The name and the id of the cluster, created at the first unseal. */
export interface Cluster {
  readonly name: string
  readonly id: string
}

/** Everything between the storage and the listeners of a server. It begins sealed. */
export class ServerCore {
  readonly audit: AuditBroker
  readonly browser = new BrowserSettings()
  readonly manager: SealManager
  readonly loopDelay: LoopDelay
  readonly autoUnseal: AutoUnseal
  readonly sealHealth: SealHealth
  readonly #usage: UsageCounts
  readonly pipeline: Pipeline
  /** The address of a development server, once it listens. Others say theirs in `api_addr`: they may stand behind a proxy. */
  address = ''
  readonly #parts: CoreParts
  readonly #barrier: EncryptedBarrier
  readonly #rekey: Rekey
  readonly #rotateRoot: Rekey
  readonly #generateRoot: GenerateRoot
  readonly #snapshots: Snapshots
  readonly #scheduledSnapshots: ScheduledSnapshots
  readonly #system: Engine
  #unsealed: UnsealedServer | undefined
  #cluster?: Cluster

  constructor(parts: CoreParts) {
    this.#parts = parts
    const { storage, clock, loggers } = parts
    const traffic = new Traffic(clock)
    this.loopDelay = new LoopDelay(clock)
    this.#usage = new UsageCounts(clock, usagePeriod(parts.config), async () => usageOf(this.unsealed()))
    const shared = this.#shared()
    const autoSeals = autoSealsOf(parts.config.seals, shared)
    this.audit = new AuditBroker({
      ...shared,
      log: loggers.named('audit'),
      types: auditDevices,
      checkTarget: targetsBeside(parts.config.storage),
    })
    this.#barrier = new EncryptedBarrier({ storage, ...shared, onLost: (why) => this.manager.lost(why) })
    this.manager = new SealManager({
      storage,
      barrier: this.#barrier,
      seal: new RootKeySeal(randomBytes, { autoSeals, recoveryUnseals: parts.config.recoveryUnseals }),
      ...shared,
      hooks: {
        afterUnseal: async (options) => this.#start(options),
        beforeSeal: async () => this.#stop(),
        createRootToken: async () => this.unsealed().tokens.createRoot(),
      },
    })
    const events = new Events(loggers.named('core'))
    this.autoUnseal = new AutoUnseal(this.manager, clock, events)
    this.sealHealth = this.#newSealHealth(autoSeals, events)
    const backups = new ShareBackups(this.#barrier.view('core/'))
    this.#rekey = new Rekey(this.manager, randomUUID, backups)
    this.#rotateRoot = new Rekey(this.manager, randomUUID, backups)
    this.#generateRoot = new GenerateRoot(this.manager, randomBytes, randomUUID)
    this.#snapshots = this.#newSnapshots(events)
    this.#scheduledSnapshots = this.#scheduled(events)
    this.#system = this.#systemEngine(traffic)
    this.pipeline = new Pipeline({
      unsealed: () => (this.manager.isUnsealed ? this.#unsealed : undefined),
      sealed: sealedDecider(this.#system.routes),
      uploads: uploadsTo(this.#system.routes),
      audit: this.audit,
      traffic,
      log: loggers.named('core'),
    })
  }

  /** The storage as other processes use it, through this one. */
  get sharedStorage(): Storage {
    return this.#barrier.shared
  }

  /** Creates the audit devices of the configuration. @throws ConfigError with the unusable device */
  async configureAudit(): Promise<void> {
    for (const spec of this.#parts.config.audits)
      await this.audit.configure([spec]).catch((thrown: unknown) => {
        throw auditFailure(spec, thrown)
      })
  }

  /** The unsealed server. @throws Fault sealed */
  unsealed(): UnsealedServer {
    if (!this.#unsealed) throw new Fault('sealed', 'Vault is sealed')
    return this.#unsealed
  }

  /** Removes what a restore wrote that nobody put in place. */
  async close(): Promise<void> {
    await this.#snapshots.close()
  }

  /** Loads the rest of the program in advance: an unseal need not wait for it, and an upgrade may replace its files meanwhile. */
  async preload(): Promise<void> {
    await Promise.all([loadUnsealed(), import('../audit/log/open.ts'), import('../storage/level/beside.ts')])
  }

  #newSealHealth(seals: readonly AutoSeal[], events: Events): SealHealth {
    const stored = async (name: string) => (await this.manager.record())?.wrappedKeys?.find(({ seal }) => seal === name)
    return new SealHealth({
      seals,
      // A sealed server has no business with its unseal key.
      stored: async (name) => (this.manager.isUnsealed ? stored(name) : undefined),
      random: randomBytes,
      clock: this.#parts.clock,
      events,
    })
  }

  #newSnapshots(events: Events): Snapshots {
    const { storage, clock } = this.#parts
    return new Snapshots({
      storage,
      barrier: this.#barrier,
      manager: this.manager,
      clock,
      cluster: () => this.#cluster,
      auditHeads: () => this.audit.heads(),
      note: async (about, data) => this.audit.note(about, data),
      root: () => this.unsealed().namespaces.root,
      events,
    })
  }

  #scheduled(events: Events): ScheduledSnapshots {
    const { clock, log } = this.#shared()
    return new ScheduledSnapshots({
      clock,
      log,
      view: this.#barrier.view('core/snapshot-auto/'),
      snapshots: this.#snapshots,
      events,
      cluster: () => this.#cluster,
      root: this.#parts.config.backupFolder,
    })
  }

  #shared() {
    const { config, clock, loggers } = this.#parts
    const ttl = { default: config.defaultLeaseTtl, max: config.maxLeaseTtl }
    return { clock, log: loggers.named('core'), random: randomBytes, uuid: randomUUID, ttl }
  }

  #systemEngine(traffic: Traffic): Engine {
    const { ttl, clock } = this.#shared()
    const unsealed = (): UnsealedServer => this.unsealed()
    const ports = systemPorts({
      ...this.#parts,
      ttl,
      traffic,
      unsealed,
      manager: this.manager,
      autoUnseal: this.autoUnseal,
      sealHealth: this.sealHealth,
      barrier: this.#barrier,
      audit: this.audit,
      rekey: this.#rekey,
      rotateRoot: this.#rotateRoot,
      generateRoot: this.#generateRoot,
      cluster: () => this.#cluster,
      snapshots: this.#snapshots,
      scheduledSnapshots: this.#scheduledSnapshots,
      browser: this.browser,
      loopDelay: this.loopDelay,
      usage: this.#usage,
      events: new Events(this.#parts.loggers.named('core')),
    })
    return systemEngine(ports, (namespace) => namespacePorts({ unsealed, clock, ttl }, namespace))
  }

  /** After unseal. */
  async #start(options: UnsealOptions = {}): Promise<void> {
    const { startWithEngines } = await loadUnsealed()
    const lockoutSettings = this.#parts.config.userLockout
    const parts = { ...this.#shared(), options, lockoutSettings, barrier: this.#barrier, audit: this.audit }
    this.#unsealed = await startWithEngines(parts, this.#system, {
      apiAddress: () => this.#parts.config.apiAddr ?? this.address,
      more: this.#parts.engines,
    })
    await this.browser.open(this.#barrier.view('core/config/'), this.#unsealed.freshness)
    this.#cluster = await clusterOf(this.#barrier, this.#parts.config)
    if (this.#barrier.member === undefined) this.#scheduledSnapshots.start()
  }

  /** Before seal. */
  async #stop(): Promise<void> {
    for (const operation of [this.#rekey, this.#rotateRoot, this.#generateRoot]) operation.drop()
    await this.#scheduledSnapshots.stop()
    const unsealed = this.#unsealed
    this.#unsealed = undefined
    this.#usage.forget()
    await unsealed?.close()
  }
}

/** The larger half of the program, above all the engines: the first response of the sealed server does not wait for it. */
const loadUnsealed = async () => import('./unsealed.ts')

/** Milliseconds. */
function usagePeriod({ telemetry = {} }: Config): number | undefined {
  const { usagePeriod: seconds = 600 } = telemetry
  return seconds === 'none' ? undefined : seconds * 1000
}

async function usageOf({ namespaces, tokens, identities }: UnsealedServer): Promise<Usage> {
  const sum = { tokens: 0, leases: 0, entities: 0 }
  for (const { id } of namespaces.all()) {
    sum.tokens += await tokens.count(id)
    sum.leases += await tokens.countLeases(id)
    sum.entities += (await identities(id)?.count()) ?? 0
  }
  return sum
}

const clusterShape = shapeOf<Cluster>('a cluster', { name: isName, id: isName })

async function clusterOf(barrier: EncryptedBarrier, config: Config): Promise<Cluster> {
  return barrier.view('core/').transaction(async (tx) => {
    const stored = await tx.get('cluster', clusterShape)
    if (stored) return stored
    const fresh = { name: config.clusterName ?? `vault-cluster-${randomUUID().slice(0, 8)}`, id: randomUUID() }
    tx.put('cluster', fresh)
    return fresh
  })
}
