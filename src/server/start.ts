import type { AuditBroker } from '../audit/broker.ts'
import type { WitnessKeeper } from '../audit/witness/keeper.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/types.ts'
import type { Listener, Protocol } from '../contract/protocol.ts'
import type { Engine } from '../contract/engine.ts'
import type { Storage } from '../contract/storage.ts'
import type { SharedSocket } from '../storage/socket/owner.ts'
import { hashing, heavy, slow } from '../crypto/workers/heavy.ts'
import { listenHttp } from '../protocols/http/listener.ts'
import { pages } from '../protocols/web/pages.ts'
import { systemClock } from '../util/clock.ts'
import type { Clock } from '../util/clock.ts'
import { Loggers } from '../util/log.ts'
import type { Log, LogLevel } from '../util/log.ts'
import { ServerCore } from './core.ts'
import { devConfig, initialiseDev } from './dev.ts'
import type { DevOptions } from './dev.ts'
import type { EnginePorts } from './engines.ts'
import { addressOf, httpOptions } from './listeners.ts'
import { protocols } from './protocols.ts'
import type { ProtocolParts } from './protocols.ts'
import { messagesOf, reasonsOf, reload } from './reload.ts'
import { openStorage } from './storages.ts'

/** How a server is started: from configuration files, or as a development server in memory. */
export interface ServerOptions {
  readonly config?: readonly string[]
  readonly dev?: DevOptions
  readonly logFormat?: 'standard' | 'json'
  readonly logLevel?: LogLevel
  /** Failed logins lock nobody out, whatever the configuration and the mounts say. */
  readonly lockoutDisabled?: boolean
  readonly clock?: Clock
  /** Instead of the storage that the configuration names. */
  readonly storage?: Storage
  /** A folder of this user alone: other processes reach the storage through a socket in it. */
  readonly share?: string
  /** Instead of those of the table. */
  readonly protocols?: (parts: ProtocolParts) => readonly Protocol[]
  /** Engines besides those of this build. */
  readonly engines?: (ports: EnginePorts) => readonly Engine[]
  /** Where log lines go; standard error unless given. */
  readonly log?: (line: string) => void
}

/** A server that is up. */
export interface RunningServer {
  /** Base URL of the first listener. */
  readonly address: string
  /** Base URLs of the listeners of the configuration. */
  readonly addresses: readonly string[]
  /** Those of the configuration, then those that protocols open themselves. */
  readonly listeners: readonly string[]
  readonly storageType: string
  /** Development servers only. */
  readonly rootToken?: string
  readonly unsealKey?: string
  /** See `reload` of reload.ts. */
  reload(): Promise<readonly string[]>
  /** Finishes what is under way, seals, and closes everything (SIGTERM). */
  stop(): Promise<void>
}

/** Starts a server: configuration, storage, core, listeners, in this order. @throws ConfigError, and what opening throws. */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const clock = options.clock ?? systemClock
  const isDev = !options.config?.length
  const configured = isDev ? devConfig(options.dev) : await loadConfig(options.config)
  const config = options.lockoutDisabled ? { ...configured, userLockout: { all: { disabled: true } } } : configured
  const loggers = loggersOf(options, config, clock)
  const storage = options.storage ?? (await openStorage(config, clock, loggers.named('storage')))
  const core = new ServerCore({ config, storage, clock, loggers, engines: options.engines ?? (() => []) })
  await orStop(core.configureAudit(), async () => storage.close())
  const witnesses = await witnessesOf(config, core.audit, clock, loggers.named('audit'))
  witnesses?.start()
  const dev = isDev ? await initialiseDev(core, options.dev?.rootTokenId) : {}
  const running: Running = { core, storage, witnesses }
  await orStop(share(options, running, loggers), async () => stop([], running))
  const listeners = await orStop(listen(config, core, options), async () => stop([], running))
  clock.after(1000, () => void core.preload())
  const addresses = config.listeners.map((listener, at) => addressOf(listener, listeners[at]?.address ?? ''))
  if (isDev) core.address = addresses[0] ?? ''
  return {
    address: addresses[0] ?? '',
    addresses,
    listeners: listeners.map(({ address }) => address),
    storageType: storage.type,
    ...dev,
    reload: async () =>
      reload({
        listeners,
        audit: core.audit,
        loggers,
        config: configured,
        paths: options.config ?? [],
        fixedLevel: options.logLevel !== undefined,
      }),
    stop: async () => stop(listeners, running),
  }
}

async function share({ share: folder }: ServerOptions, running: Running, loggers: Loggers): Promise<void> {
  if (folder === undefined) return
  const { shareStorage } = await import('../storage/socket/owner.ts')
  running.shared = await shareStorage(running.core.sharedStorage, { folder, log: loggers.named('storage') })
}

function loggersOf({ log, logFormat, logLevel }: ServerOptions, config: Config, clock: Clock): Loggers {
  const write = log ?? ((line: string) => void process.stderr.write(line))
  return new Loggers(write, () => clock.now(), {
    json: (logFormat ?? config.logFormat) === 'json',
    level: logLevel ?? config.logLevel,
  })
}

/** A step of the start. When it fails, what has been started is stopped. */
async function orStop<T>(step: Promise<T>, undo: () => Promise<void>): Promise<T> {
  return step.catch(async (thrown: unknown) => {
    await undo()
    throw thrown
  })
}

async function witnessesOf(...parts: [Config, AuditBroker, Clock, Log]): Promise<WitnessKeeper | undefined> {
  return parts[0].witnesses.length > 0 ? (await import('./witnesses.ts')).witnessesOf(...parts) : undefined
}

/** A server that answers on some of its addresses only would look as if it had started. @throws Error with every reason */
async function listen(
  config: Config,
  { pipeline, browser }: ServerCore,
  options: ServerOptions,
): Promise<readonly Listener[]> {
  const setting = options.config?.length ? {} : { setting: '-dev-listen-address' }
  const served = (options.protocols ?? protocols)({ gateway: pipeline, browser })
  const http = { protocols: served, pages: pages(browser) }
  const done = await Promise.allSettled([
    ...config.listeners.map(async (listener) => listenHttp(http, { ...(await httpOptions(listener)), ...setting })),
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
  shared?: SharedSocket
}

async function stop(listeners: readonly Listener[], { core, storage, witnesses, shared }: Running): Promise<void> {
  const closed = listeners.map(async (listener) => listener.close())
  // Keys that take seconds to make are not waited for: those who asked are told so, and the connections can end.
  await slow.end()
  await Promise.all(closed)
  await Promise.all([heavy.end(), hashing.end()])
  await core.manager.seal()
  await (witnesses ? witnesses.stop(async () => core.audit.shutdown()) : core.audit.shutdown())
  await shared?.close()
  await storage.close()
}
