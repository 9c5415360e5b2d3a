import { randomUUID } from 'node:crypto'
import { auditDevices } from './audit-devices.ts'
import { AuditBroker } from '../audit/broker.ts'
import type { WitnessKeeper } from '../audit/witness/keeper.ts'
import { EncryptedBarrier } from '../barrier/barrier.ts'
import { hostAndPort, isLoopback } from '../config/listener.ts'
import { loadConfig } from '../config/load.ts'
import { ConfigError } from '../config/source.ts'
import { usualTtl } from '../config/types.ts'
import type { Config } from '../config/types.ts'
import { plainConfig } from '../contract/mount.ts'
import type { MountSpec } from '../contract/mount.ts'
import { Fault } from '../contract/fault.ts'
import type { Route } from '../contract/route.ts'
import type { Storage } from '../contract/storage.ts'
import { BrowserSettings } from '../core/browser-settings.ts'
import { GenerateRoot } from '../core/seal/generate-root.ts'
import type { OpenServer } from '../core/seal/unsealed-server.ts'
import { Pipeline } from '../core/request/pipeline.ts'
import { Rekey } from '../core/seal/rekey.ts'
import { Room } from '../core/seal/seal-manager.ts'
import { ShareBackups } from '../core/seal/share-backup.ts'
import { Traffic } from '../core/telemetry/traffic.ts'
import { sealedDecider } from '../core/request/sealed.ts'
import { heavy, slow } from '../crypto/workers/heavy.ts'
import { randomBytes } from '../crypto/random.ts'
import { addressOf, httpOptions } from './listeners.ts'
import { namespacePorts } from './namespace-ports.ts'
import { systemPorts } from './system-ports.ts'
import { listenHttp } from '../protocols/http/listener.ts'
import type { HttpListener } from '../protocols/http/listener.ts'
import { ShamirSeal } from '../seal/shamir.ts'
import { LevelStorage } from '../storage/level/level.ts'
import { MemoryStorage } from '../storage/memory.ts'
import { auditFailure, checkDataFolder, storageFailure } from './start-failures.ts'
import { systemEngine } from '../system/engine.ts'
import { base64 } from '../util/bytes.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { Loggers } from '../util/log.ts'
import type { Log, LogLevel } from '../util/log.ts'
import { isName, shapeOf } from '../util/stored/shape.ts'

/** How a server is started: from configuration files, or as a development server in memory. */
export interface ServerOptions {
  readonly config?: readonly string[]
  readonly dev?: {
    readonly rootTokenId?: string
    readonly listenAddress?: string
    readonly tls?: { readonly certFile: string; readonly keyFile: string }
    /** Plain HTTP on an address that other machines can reach. */
    readonly plainOnNetwork?: boolean
  }
  readonly logFormat?: 'standard' | 'json'
  readonly logLevel?: LogLevel
  readonly clock?: Clock
  /** Instead of the storage that the configuration names. */
  readonly storage?: Storage
  /** Where log lines go; standard error unless given. */
  readonly log?: (line: string) => void
}

/** A server that is up. */
export interface RunningServer {
  /** Base URL of the first listener. */
  readonly address: string
  readonly listeners: readonly string[]
  readonly storageType: string
  /** Development servers only. */
  readonly rootToken?: string
  readonly unsealKey?: string
  /** Opens audit files and reads certificates again (SIGHUP). */
  reload(): Promise<void>
  /** Finishes what is under way, seals, and closes everything (SIGTERM). */
  stop(): Promise<void>
}

/** The composition root: config → storage → barrier → core → protocols, in this order. @throws ConfigError, and what opening throws. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const clock = options.clock ?? systemClock
  const config = options.config?.length ? await loadConfig(options.config) : devConfig(options.dev)
  const write = options.log ?? ((line: string) => void process.stderr.write(line))
  const loggers = new Loggers(write, () => clock.now(), {
    json: (options.logFormat ?? config.logFormat) === 'json',
    level: options.logLevel ?? config.logLevel,
  })
  const storage = options.storage ?? (await openStorage(config, clock, loggers.named('storage')))
  const browser = new BrowserSettings()
  const traffic = new Traffic(clock)
  const parts = {
    clock,
    log: loggers.named('core'),
    random: randomBytes,
    uuid: randomUUID,
    ttl: { default: config.defaultLeaseTtl, max: config.maxLeaseTtl },
  }
  const barrier = new EncryptedBarrier({ storage, ...parts })
  const audit = new AuditBroker({ ...parts, log: loggers.named('audit'), types: auditDevices })
  for (const spec of config.audits)
    await audit.configure([spec]).catch(async (thrown: unknown) => {
      await storage.close()
      throw auditFailure(spec, thrown)
    })

  const state: { open?: OpenServer; cluster?: { readonly name: string; readonly id: string } } = {}
  const opened = (): OpenServer => {
    if (!state.open) throw new Fault('sealed', 'Vault is sealed', { bare: true })
    return state.open
  }
  const room: Room = new Room({
    storage,
    barrier,
    seal: new ShamirSeal(randomBytes),
    ...parts,
    life: {
      open: async (said = {}) => {
        const { openWithEngines } = await loadOpening()
        state.open = await openWithEngines({ ...parts, said, barrier, audit }, system)
        await browser.open(barrier.view('core/config/'))
        state.cluster = await clusterOf(barrier, config)
      },
      close: async () => {
        rekey.drop()
        rotateRoot.drop()
        generateRoot.drop()
        const { open } = state
        delete state.open
        await open?.close()
      },
      createRootToken: async () => opened().tokens.createRoot(),
    },
  })
  const backups = new ShareBackups(barrier.view('core/'))
  const rekey = new Rekey(room, randomUUID, backups)
  const rotateRoot = new Rekey(room, randomUUID, backups)
  const generateRoot = new GenerateRoot(room, randomBytes, randomUUID)
  const system = systemEngine(
    systemPorts({
      room,
      barrier,
      audit,
      storage,
      config,
      clock,
      opened,
      rekey,
      rotateRoot,
      generateRoot,
      cluster: () => state.cluster,
      ttl: parts.ttl,
      loggers,
      traffic,
      browser,
    }),
    (namespace) => namespacePorts({ opened, clock, ttl: parts.ttl }, namespace),
  )
  const pipeline = new Pipeline({
    open: () => (room.isOpen ? state.open : undefined),
    sealed: sealedDecider(system.routes as readonly Route[]),
    audit,
    traffic,
    log: loggers.named('core'),
  })
  const witnesses = await witnessesFor(config, audit, clock, loggers.named('audit'))
  witnesses?.start()
  const dev = options.config?.length ? {} : await initialiseDev(room, opened, options.dev?.rootTokenId)
  const listeners = await allOrNone(
    config.listeners.map(async (listener) =>
      listenHttp(pipeline, { ...(await httpOptions(listener)), ...devSetting(options) }, browser),
    ),
  ).catch(async (thrown: unknown) => {
    await stop([], room, audit, storage, witnesses)
    throw thrown
  })
  // Whoever unseals need not wait for it, and whoever asks before that not either.
  clock.after(1000, () => void loadOpening())
  return {
    address: addressOf(config.listeners[0], listeners[0]?.address ?? ''),
    listeners: listeners.map(({ address }) => address),
    storageType: storage.type,
    ...dev,
    reload: async () => {
      // One that fails keeps none of the others from their new files.
      const parts = [audit.reopen(), ...listeners.map(async (listener) => listener.reload())]
      const failed = (await Promise.allSettled(parts)).filter((part) => part.status === 'rejected')
      if (failed.length > 0) throw new Error(messagesOf(failed.map(({ reason }) => reason as unknown)))
    },
    stop: async () => stop(listeners, room, audit, storage, witnesses),
  }
}

const devSetting = ({ config }: ServerOptions): { readonly setting?: string } =>
  config?.length ? {} : { setting: '-dev-listen-address' }

/** A server that answers on some of its addresses only would look as if it had started. @throws Error with every reason */
async function allOrNone(starting: readonly Promise<HttpListener>[]): Promise<readonly HttpListener[]> {
  const done = await Promise.allSettled(starting)
  const up = done.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const reasons = done.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (reasons.length === 0) return up
  await Promise.all(up.map(async (listener) => listener.close()))
  throw new Error(messagesOf(reasons), { cause: reasons[0] })
}

const messagesOf = (reasons: readonly unknown[]): string =>
  reasons.map((reason) => (reason instanceof Error ? reason.message : 'unknown')).join('; ')

async function stop(
  listeners: readonly HttpListener[],
  room: Room,
  audit: AuditBroker,
  storage: Storage,
  witnesses: WitnessKeeper | undefined,
): Promise<void> {
  const closed = listeners.map(async (listener) => listener.close())
  // Keys that take seconds to make are not waited for: those who asked are told so, and the connections can end.
  await slow.end()
  await Promise.all(closed)
  await heavy.end()
  await room.seal()
  await (witnesses ? witnesses.stop(async () => audit.shutdown()) : audit.shutdown())
  await storage.close()
}

/** What only an open server needs, engines above all, is the larger half of the program: the first, sealed answer does not wait for it. */
const loadOpening = async () => import('./unsealed.ts')

async function witnessesFor(...parts: [Config, AuditBroker, Clock, Log]): Promise<WitnessKeeper | undefined> {
  return parts[0].witnesses.length > 0 ? (await import('./witnesses.ts')).witnessesOf(...parts) : undefined
}

async function openStorage(config: Config, clock: Clock, log: Log): Promise<Storage> {
  if (config.storage.type === 'inmem') return new MemoryStorage()
  const { path, minFreeBytes } = config.storage
  await checkDataFolder(path)
  return LevelStorage.open(path, { clock, log, ...(minFreeBytes !== undefined && { minFreeBytes }) }).catch(
    (thrown: unknown) => {
      throw storageFailure(path, thrown)
    },
  )
}

const clusterShape = shapeOf<{ readonly name: string; readonly id: string }>('a cluster', { name: isName, id: isName })

async function clusterOf(
  barrier: EncryptedBarrier,
  config: Config,
): Promise<{ readonly name: string; readonly id: string }> {
  return barrier.view('core/').transaction(async (tx) => {
    const known = await tx.get('cluster', clusterShape)
    if (known) return known
    const fresh = { name: config.clusterName ?? `vault-cluster-${randomUUID().slice(0, 8)}`, id: randomUUID() }
    tx.put('cluster', fresh)
    return fresh
  })
}

type Dev = NonNullable<ServerOptions['dev']>

/** Where a development server listens. @throws ConfigError for what is no address, and for plain HTTP beyond this machine that was not asked for */
function devPlace({ listenAddress: address = '127.0.0.1:8200', tls, plainOnNetwork = false }: Dev) {
  const at = hostAndPort(address)
  if (!at) throw new ConfigError(`the address "${address}" must be host:port, such as 127.0.0.1:8200`)
  const host = at.host || '127.0.0.1'
  const isPlain = !tls && !isLoopback(host)
  if (isPlain && !plainOnNetwork)
    throw new ConfigError(
      `plain HTTP on ${host} would send tokens and secrets over the network in clear: listen on 127.0.0.1, add -dev-tls, or, behind something that does TLS, add -dev-unsafe-allow-tls-disable-on-network`,
    )
  if (plainOnNetwork && !isPlain)
    throw new ConfigError(
      `-dev-unsafe-allow-tls-disable-on-network has no effect ${tls ? 'with -dev-tls' : `on ${host}, which is this machine`}: leave it out`,
    )
  return { host, port: at.port }
}

function devConfig(dev: Dev = {}): Config {
  const { tls } = dev
  return {
    storage: { type: 'inmem' },
    listeners: [
      {
        ...devPlace(dev),
        ...(tls && { tls }),
        unauthedRekey: false,
        unauthedGenerateRoot: false,
      },
    ],
    defaultLeaseTtl: usualTtl,
    maxLeaseTtl: usualTtl,
    logLevel: 'info',
    logFormat: 'standard',
    apiAudit: true,
    audits: [],
    witnesses: [],
  }
}

/** What a development server has besides: `secret/`, KV version 2. */
const devSecrets: MountSpec = {
  kind: 'secret',
  path: 'secret/',
  type: 'kv',
  description: 'key/value secret storage',
  config: plainConfig,
  options: { version: '2' },
  local: false,
  sealWrap: false,
  externalEntropyAccess: false,
}

/** A development server: initialised with one share, open at once. */
async function initialiseDev(
  room: Room,
  opened: () => OpenServer,
  rootTokenId: string | undefined,
): Promise<{ readonly rootToken: string; readonly unsealKey: string }> {
  const { shares, rootToken } = await room.initialise(1, 1)
  const share = shares[0] as Uint8Array
  await room.unseal(share)
  await opened().namespaces.root.mounts.enable(devSecrets)
  if (rootTokenId === undefined) return { rootToken, unsealKey: base64(share) }
  const { tokens } = opened()
  await tokens.createDevRoot(rootTokenId)
  const first = await tokens.idOf(rootToken)
  if (first !== undefined && rootTokenId !== rootToken) await tokens.revoke(first)
  return { rootToken: rootTokenId, unsealKey: base64(share) }
}
