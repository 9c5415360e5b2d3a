import type { AuditBroker } from '../audit/broker.ts'
import type { WitnessKeeper } from '../audit/witness/keeper.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import { firstBootKey, plainKeys } from '../contract/barrier.ts'
import type { Listener, Protocol } from '../contract/protocol.ts'
import type { Engine } from '../contract/engine.ts'
import type { Storage } from '../contract/storage.ts'
import type { SharedSocket } from '../storage/socket/owner.ts'
import { hashing, heavy, slow } from '../crypto/workers/heavy.ts'
import { listenHttp } from '../protocols/http/listener.ts'
import { pages } from '../protocols/web/pages.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import type { Log, Loggers } from '../util/log.ts'
import { whyOf } from '../core/telemetry/events.ts'
import type { Events } from '../core/telemetry/events.ts'
import { CertificateWatch } from './log/certificate-watch.ts'
import { ServerCore } from './core.ts'
import { devConfig, initialiseDev } from './dev.ts'
import type { DevOptions } from './dev.ts'
import type { EnginePorts } from './engines.ts'
import type { FirstBootParts } from './first-boot/first-boot.ts'
import { addressOf, httpOptions } from './listeners.ts'
import { protocols } from './protocols.ts'
import type { ProtocolParts } from './protocols.ts'
import { messagesOf, reasonsOf, reload } from './reload.ts'
import type { Reloadable } from './reload.ts'
import { ServerLog } from './log/server-log.ts'
import { startEntry } from './log/start-entry.ts'
import type { LogOptions } from './log/server-log.ts'
import { notifySystemd } from './process/systemd.ts'
import { openStorage } from './storages.ts'

/** How a server is started: from configuration files, or as a development server in memory. */
export interface ServerOptions extends LogOptions {
  readonly config?: readonly string[]
  readonly dev?: DevOptions
  /** Disables lockouts, regardless of the configuration and the mounts. */
  readonly lockoutDisabled?: boolean
  readonly clock?: Clock
  /** Instead of the storage that the configuration names. */
  readonly storage?: Storage
  /** A folder of this user alone: other processes reach the storage through a socket in it. */
  readonly share?: string
  /** Instead of those of the table. */
  readonly protocols?: (parts: ProtocolParts) => readonly Protocol[]
  /** Engines in addition to those of this build. */
  readonly engines?: (ports: EnginePorts) => readonly Engine[]
  /** Gets what writes the last line of a process that an error ends. */
  readonly onLog?: (log: { readonly crashed: (kind: string) => void }) => void
}

/** A server that is up. */
export interface RunningServer {
  /** Base URL of the first listener. */
  readonly address: string
  /** Base URLs of the listeners of the configuration. */
  readonly addresses: readonly string[]
  /** Those of the configuration, then those of the protocols themselves. */
  readonly listeners: readonly string[]
  readonly storageType: string
  /** Whether a seal of the configuration unseals it, without key shares. */
  readonly hasSeal: boolean
  /** Whether the storage was initialised when the server began to listen. */
  readonly isInitialised: boolean
  readonly logFormat: 'standard' | 'json'
  /** Development servers only. */
  readonly rootToken?: string
  readonly unsealKey?: string
  /** See `reload` of reload.ts. The server log records it. */
  reload(): Promise<readonly string[]>
  /** Completes requests in progress, seals, and closes everything (SIGTERM). */
  stop(): Promise<void>
}

/** Starts a server: configuration, log, storage, core, listeners, in this order. @throws ConfigError, and errors of opening the storage */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const clock = options.clock ?? systemClock
  let log = new ServerLog(beforeConfig(options), {}, clock)
  try {
    const isDev = !options.config?.length
    const configured = isDev ? devConfig(options.dev) : await loadConfig(options.config)
    log = new ServerLog(options, configured, clock)
    options.onLog?.({ crashed: (kind) => log.crashed(kind) })
    await log.openFile(options, configured)
    log.events.tell('starting', startEntry(options, configured, log))
    return await started(options, configured, log, clock)
  } catch (thrown) {
    const why = whyOf(thrown)
    log.startFailed(why)
    await log.close()
    throw log.isJson ? new LoggedFailure(why, { cause: thrown }) : thrown
  }
}

const beforeConfig = ({ log, logFormat }: ServerOptions): LogOptions => ({
  ...(log && { log }),
  ...(logFormat && { logFormat }),
})

/** A failure that is already in the log, in JSON. */
class LoggedFailure extends Error {
  override readonly name = 'LoggedFailure'
}

async function started(options: ServerOptions, configured: Config, log: ServerLog, clock: Clock) {
  const isDev = !options.config?.length
  const config = options.lockoutDisabled ? { ...configured, userLockout: { all: { disabled: true } } } : configured
  const { loggers, events } = log
  const certificates = new CertificateWatch(clock, events)
  const storage = options.storage ?? (await openStorage(config, { clock, log: loggers.named('storage') }))
  const core = new ServerCore({ config, storage, clock, loggers, certificates, engines: options.engines ?? (() => []) })
  await orStop(core.configureAudit(), async () => storage.close())
  const witnesses = await witnessesOf(config, core.audit, clock, loggers.named('audit'))
  witnesses?.start()
  const isInitialised = await orStop(beginning(config, { core, storage, clock, events }), async () => {
    await core.audit.shutdown()
    await storage.close()
  })
  const dev = isDev ? await initialiseDev(core, options.dev?.rootTokenId) : {}
  const running: Running = { core, storage, witnesses, certificates, events }
  await orStop(share(options, running, loggers), async () => stop([], running))
  const listeners = await orStop(listen(config, running, options), async () => stop([], running))
  running.certificates.start()
  clock.after(1000, () => void core.preload())
  // An HSM answers one question after the other: the unseal comes first.
  void core.autoUnseal.start().then(() => core.sealHealth.start())
  const addresses = config.listeners.map((listener, at) => addressOf(listener, listeners[at]?.address ?? ''))
  if (isDev) core.address = addresses[0] ?? ''
  events.tell('started', { addresses: addresses.join(' '), sealed: !core.manager.isUnsealed })
  void notifySystemd('READY=1', loggers.named('core'))
  return {
    address: addresses[0] ?? '',
    addresses,
    listeners: listeners.map(({ address }) => address),
    storageType: storage.type,
    hasSeal: core.manager.isAuto,
    isInitialised,
    logFormat: log.isJson ? ('json' as const) : ('standard' as const),
    ...dev,
    reload: async () => reloaded({ listeners, audit: core.audit, loggers, log, ...readAgain(options, configured) }),
    stop: async () => {
      events.tell('stopping', {})
      void notifySystemd('STOPPING=1', loggers.named('core'))
      await stop(listeners, running)
      events.tell('stopped', {})
      await log.close()
    },
  }
}

/** What the first start of a storage does. Its code is loaded only where there is something to do. @returns whether the storage is initialised */
async function beginning({ initialize: blocks }: Config, parts: Omit<FirstBootParts, 'blocks'>): Promise<boolean> {
  const [mark] = await parts.storage.get([firstBootKey])
  if (mark || blocks.length > 0) await (await import('./first-boot/first-boot.ts')).firstBoot({ ...parts, blocks })
  const [keyring] = await parts.storage.get([plainKeys.keyring])
  return keyring !== undefined
}

const readAgain = ({ config: paths = [], logLevel }: ServerOptions, config: Config) => ({
  config,
  paths,
  fixedLevel: logLevel !== undefined,
})

async function reloaded(server: Reloadable & { readonly log: ServerLog }): Promise<readonly string[]> {
  const { events } = server.log
  try {
    const waiting = await reload(server)
    const what = 'audit files, log file, certificates and keys of the listeners, log_level'
    events.tell('reloaded', { what, need_restart: waiting.length > 0 ? waiting.join(', ') : undefined })
    return waiting
  } catch (thrown) {
    events.tell('reload_failed', { why: whyOf(thrown) })
    throw thrown
  }
}

async function share({ share: folder }: ServerOptions, running: Running, loggers: Loggers): Promise<void> {
  if (folder === undefined) return
  const { shareStorage } = await import('../storage/socket/owner.ts')
  running.shared = await shareStorage(running.core.sharedStorage, { folder, log: loggers.named('storage') })
}

/** A step of the start. If it fails, the completed steps are undone. */
async function orStop<T>(step: Promise<T>, undo: () => Promise<void>): Promise<T> {
  return step.catch(async (thrown: unknown) => {
    await undo()
    throw thrown
  })
}

async function witnessesOf(...parts: [Config, AuditBroker, Clock, Log]): Promise<WitnessKeeper | undefined> {
  return parts[0].witnesses.length > 0 ? (await import('./witnesses.ts')).witnessesOf(...parts) : undefined
}

/** A server that listens on only some of its addresses would seem to have started. @throws Error with all reasons */
async function listen(
  config: Config,
  { core: { pipeline, browser }, certificates, events }: Running,
  options: ServerOptions,
): Promise<readonly Listener[]> {
  const setting = options.config?.length ? {} : { setting: '-dev-listen-address' }
  const served = (options.protocols ?? protocols)({ gateway: pipeline, browser })
  const handshakeFailed = (from: string, why: string): void => events.tell('tls_failed', { from, why })
  const http = { protocols: served, pages: pages(browser) }
  const done = await Promise.allSettled([
    ...config.listeners.map(async (listener) =>
      listenHttp(http, { ...(await httpOptions(listener, certificates)), ...setting, handshakeFailed }),
    ),
    ...served.flatMap((protocol) => protocol.listen?.() ?? []),
  ])
  const up = done.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const reasons = reasonsOf(done)
  if (reasons.length === 0) return up
  await Promise.all(up.map(async (listener) => listener.close()))
  throw new Error(messagesOf(reasons), { cause: reasons[0] })
}

interface Running {
  readonly core: ServerCore
  readonly storage: Storage
  readonly witnesses: WitnessKeeper | undefined
  readonly certificates: CertificateWatch
  readonly events: Events
  shared?: SharedSocket
}

async function stop(
  listeners: readonly Listener[],
  { core, storage, witnesses, shared, certificates }: Running,
): Promise<void> {
  certificates.stop()
  core.loopDelay.stop()
  const closed = listeners.map(async (listener) => listener.close())
  // Keys that take seconds to generate are not waited for: their requests fail, so that the connections can end.
  await slow.end()
  await Promise.all(closed)
  await Promise.all([heavy.end(), hashing.end()])
  core.autoUnseal.stop()
  core.sealHealth.stop()
  await core.manager.seal()
  await (witnesses ? witnesses.stop(async () => core.audit.shutdown()) : core.audit.shutdown())
  await shared?.close()
  await core.close()
  await storage.close()
}
