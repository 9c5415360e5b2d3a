import type { AuditDevice, AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import type { Commits } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { View } from '../contract/view.ts'
import { hex, uuidOf } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import { DeviceQueue } from './device-queue.ts'
import type { NoteAbout } from './lines/entry.ts'
import { commonOptions, DeviceOptions } from './devices/options.ts'
import type { AuditMetrics } from './metrics.ts'
import { Hasher } from './lines/hasher.ts'
import type { CheckpointSigner } from './checkpoints/signer.ts'
import type { LogParts } from './log/open.ts'
import { AuditStore } from './store.ts'

/** Makes a device of a type from its options; touches nothing. @throws Fault on options that cannot be used. */
export type DeviceMaker = (options: DeviceOptions, log: Log) => AuditDevice

export interface BrokerParts {
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  readonly types: Readonly<Record<string, DeviceMaker>>
}

/** What the operator who unseals says of the audit log, and the seam to the storage. */
export interface OpenOptions {
  /** Has every commit of records carry others along; undefined: no more. */
  readonly ride?: (along: (() => ReadonlyMap<string, unknown> | undefined) | undefined) => void
  /** Which commit the storage is at. */
  readonly commits?: Commits
  /** The code of damage that is to be accepted. */
  readonly accept?: string
  /** `[device:]size:root` that a log must have had. */
  readonly expectedHead?: string
}

/** How often files are looked after, and heads are anchored, milliseconds. */
export const tickEvery = 500

const noHeaders: ReadonlyMap<string, boolean> = new Map()

/**
 * Every request goes past here, before it is performed and after. Lines of one turn of the event loop are written
 * together, and everything that waits for them goes on together. With at least one device, a request whose line no
 * device took fails; a device that fails or hangs does not stop the others.
 */
export class AuditBroker {
  readonly #parts: BrokerParts
  readonly #channels = new Map<string, DeviceQueue>()
  readonly #declared = new Set<string>()
  readonly #changes = new Mutex()
  /** Request lines that nobody waited for yet: the response line of the same event does. */
  readonly #unawaited = new WeakMap<AuditEvent, Promise<void>>()
  /** Requests that were to change nothing, and do. */
  readonly #changing = new WeakSet<AuditEvent>()
  #store: AuditStore | undefined
  #notary: CheckpointSigner | undefined
  #ride: OpenOptions['ride']
  #commits: Commits | undefined
  #ticking = false
  #headers = noHeaders
  #flushing = false
  #time = { at: NaN, text: '' }

  constructor(parts: BrokerParts) {
    this.#parts = parts
  }

  /**
   * Opens the devices that the configuration declares. They write while the server is sealed too.
   * @throws Fault when one of them cannot be opened: a server whose audit log does not work must not start.
   */
  async configure(specs: readonly AuditDeviceSpec[]): Promise<void> {
    for (const spec of specs) {
      this.#free(spec.path)
      const channel = this.#channel(spec, true)
      channel.useBootSalt(this.#parts.random(32))
      await channel.open()
      this.#channels.set(spec.path, channel)
      this.#declared.add(spec.path)
      this.#soon()
    }
    this.#tick()
  }

  /**
   * At unseal: checks the logs against what the storage knows of them, before anything is changed; then stored salts, the
   * devices enabled through the API, the headers to record. @throws Fault precondition_failed when a log is not what it
   * has to be, and the operator has not accepted that.
   */
  async open(view: View, opening: OpenOptions = {}): Promise<void> {
    const store = new AuditStore(view, this.#parts.random)
    const stored = await this.#openStored(store)
    const channels = new Map([...this.#channels, ...stored])
    try {
      // What only an open server needs is loaded when it opens.
      const { openLogs } = await import('./log/open.ts')
      const opened = await openLogs(this.#logParts(store, opening.commits), channels, opening)
      const headers = await store.headers()
      for (const [path, channel] of channels) channel.use(await store.salt(path, false), headers)
      for (const [path, channel] of stored) this.#channels.set(path, channel)
      this.#store = store
      this.#headers = headers
      this.#notary = opened.notary
      this.#ride = opening.ride
      this.#commits = opening.commits
      opening.ride?.(() => opened.notary.riding())
      await opened.announce()
    } catch (thrown) {
      for (const channel of stored.values()) await channel.close()
      throw thrown
    }
    this.#soon()
    this.#tick()
  }

  /** The devices enabled through the API, opened. One that cannot be opened now is tried again at each line. */
  async #openStored(store: AuditStore): Promise<Map<string, DeviceQueue>> {
    const opened = new Map<string, DeviceQueue>()
    for (const spec of await store.devices()) {
      if (this.#channels.has(spec.path)) continue
      const channel = this.#channel(spec)
      channel.useBootSalt(this.#parts.random(32))
      await channel.open().catch((thrown: unknown) => channel.complain(thrown))
      opened.set(spec.path, channel)
    }
    return opened
  }

  /** At seal: the last checkpoints. Then only declared devices go on, under a salt of this boot. */
  async close(): Promise<void> {
    await this.#notary?.close()
    this.#ride?.(undefined)
    this.#ride = undefined
    this.#commits = undefined
    this.#notary = undefined
    this.#store = undefined
    this.#headers = noHeaders
    for (const [path, channel] of this.#channels) {
      if (this.#declared.has(path)) channel.useBootSalt(this.#parts.random(32))
      else await this.#drop(path)
    }
  }

  /** Writes and syncs what is left, and closes all devices. */
  async shutdown(): Promise<void> {
    for (const path of this.#channels.keys()) await this.#drop(path)
  }

  /** Opens every target again (SIGHUP). One that cannot be opened is tried again at its next line. */
  async reopen(): Promise<void> {
    for (const channel of this.#channels.values()) await channel.reopen()
  }

  /**
   * Hashes what is large in a request or, with an outcome, in its answer: others have their turns meanwhile. The lines
   * come out the same without it.
   */
  async prepare(event: AuditEvent, outcome?: AuditOutcome): Promise<void> {
    for (const channel of this.#channels.values()) await channel.prepare(event, outcome)
  }

  /** The request line. For a request that changes nothing it may still be on its way when this returns: the response line waits for both. */
  request(event: AuditEvent): Promise<void> | undefined {
    const time = this.#now()
    const written = this.#post((channel) => channel.request(time, event))
    if (!event.pure || written === undefined) return written
    written.catch(() => {})
    this.#unawaited.set(event, written)
    return undefined
  }

  /**
   * A request that was to change nothing is about to. Resolves when its request line is with the kernel; from now on its
   * response line waits for the disk. @throws Fault when no device took the line
   */
  async beforeChange(event: AuditEvent): Promise<void> {
    this.#changing.add(event)
    await this.#unawaited.get(event)
  }

  /** The response line. Resolves when it is with the kernel; for a change, when it is on disk. */
  response(event: AuditEvent, outcome: AuditOutcome): Promise<void> | undefined {
    const time = this.#now()
    const durable = !event.pure || this.#changing.has(event)
    const written = this.#post((channel) => channel.response(time, event, outcome, durable))
    const before = this.#unawaited.get(event)
    // Mostly both lines travel in one write, and wait for the same promise.
    const both = before === undefined || before === written ? written : Promise.all([before, written]).then(() => {})
    return event.answersUnaudited === true ? both?.catch(() => {}) : both
  }

  /** Writes a line of the log about itself to every device; resolves when one has it on disk. @throws Fault when none took it */
  async note(about: NoteAbout, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#post(async (channel) => channel.note(about, data))
  }

  /** The devices, by path. */
  devices(): AuditDeviceSpec[] {
    const specs = [...this.#channels.values()].map(({ spec }) => spec)
    return specs.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Enables a device for good, after it has taken a first line. */
  async enable(spec: AuditDeviceSpec): Promise<void> {
    return this.#changes.run(async () => {
      const store = this.#opened()
      this.#free(spec.path)
      const channel = this.#channel(spec)
      channel.use(await store.salt(spec.path, true), this.#headers)
      try {
        await channel.open()
        const { admitLog } = await import('./log/open.ts')
        await admitLog(this.#logParts(store, this.#commits), this.notary, channel)
        await channel.probe()
        await store.add(spec)
      } catch (thrown) {
        await this.#notary?.letGo(spec.path)
        await channel.close()
        throw thrown
      }
      this.#channels.set(spec.path, channel)
      this.#tick()
    })
  }

  /** Disables a device; absent is fine. Its salts are kept, so that its old lines stay checkable. */
  async disable(path: string): Promise<void> {
    return this.#changes.run(async () => {
      const store = this.#opened()
      if (this.#declared.has(path))
        throw refuse('this audit device is declared in the configuration file; remove it there and restart the server')
      await store.remove(path)
      await this.#notary?.letGo(path)
      await this.#drop(path)
    })
  }

  /** The hash of a text as a device writes it. */
  hash(path: string, input: string): string {
    return this.#channelAt(path).hash(input)
  }

  /** The hash of a text as a device, which may be gone, wrote it under an older salt. */
  async oldHash(path: string, input: string, generation: number): Promise<string> {
    const salt = await this.#opened().oldSalt(path, generation)
    if (!salt) throw refuse('this device never had a salt of that generation')
    const hasher = new Hasher(salt)
    const hash = hasher.of(input)
    hasher.close()
    return hash
  }

  /** The keeper of checkpoints and anchors. @throws Fault sealed */
  get notary(): CheckpointSigner {
    if (!this.#notary) throw new Fault('sealed', 'Vault is sealed', { bare: true })
    return this.#notary
  }

  /** The device at a path, at work. @throws Fault when there is none. */
  channelAt(path: string): DeviceQueue {
    return this.#channelAt(path)
  }

  /** For monitoring, by path. */
  measure(): readonly AuditMetrics[] {
    return [...this.#channels.values()].map((channel) => channel.measure())
  }

  /** The ends of all logs that are anchored; none while the server is sealed. */
  heads(): ReturnType<CheckpointSigner['heads']> {
    return this.#notary?.heads() ?? new Map()
  }

  #channelAt(path: string): DeviceQueue {
    const channel = this.#channels.get(path)
    if (!channel) throw refuse(`unknown audit backend ${JSON.stringify(path)}`)
    return channel
  }

  /** Headers that are recorded, by lower-case name, in order; true: hashed. */
  headers(): ReadonlyMap<string, boolean> {
    return this.#headers
  }

  /** Records a header from now on, or (undefined) no longer. */
  async setHeader(name: string, hashed: boolean | undefined): Promise<void> {
    return this.#changes.run(async () => {
      const store = this.#opened()
      this.#headers = await store.setHeader(name, hashed)
      for (const channel of this.#channels.values()) channel.show(this.#headers)
    })
  }

  #logParts({ view }: AuditStore, commits: Commits | undefined): LogParts {
    const { clock, log, random } = this.#parts
    return { view, clock, log, random, commits }
  }

  #opened(): AuditStore {
    if (!this.#store) throw new Fault('sealed', 'Vault is sealed', { bare: true })
    return this.#store
  }

  #free(path: string): void {
    if ([...this.#channels.keys()].some((taken) => taken.startsWith(path) || path.startsWith(taken)))
      throw refuse('path already in use')
  }

  #channel(spec: AuditDeviceSpec, declared = false): DeviceQueue {
    const { log, clock, types } = this.#parts
    const make = Object.hasOwn(types, spec.type) ? types[spec.type] : undefined
    if (!make) throw refuse(`unknown backend type: ${JSON.stringify(spec.type)}`)
    const options = new DeviceOptions(spec.options, declared)
    const common = commonOptions(options)
    const device = make(options, log)
    options.done()
    if (device.target !== undefined && [...this.#channels.values()].some(({ target }) => target === device.target))
      throw refuse('another audit device writes to that target already; give each device its own file')
    return new DeviceQueue(spec, device, common, {
      clock,
      log,
      id: () => uuidOf(this.#parts.random(16)),
      logId: () => hex(this.#parts.random(16)),
      written: (channel) => this.#notary?.written(channel),
      commit: () => this.#commits?.newest,
      cameBack: (channel) => void this.#readmit(channel),
    })
  }

  /** A device that was away at unseal: its log is checked now, and kept from now on. */
  async #readmit(channel: DeviceQueue): Promise<void> {
    const admitted = this.#changes.run(async () => {
      const store = this.#store
      if (!store || this.#channels.get(channel.spec.path) !== channel) return
      const { admitLog } = await import('./log/open.ts')
      await admitLog(this.#logParts(store, this.#commits), this.notary, channel)
    })
    await admitted.catch((thrown: unknown) => channel.complain(thrown))
  }

  async #drop(path: string): Promise<void> {
    const channel = this.#channels.get(path)
    this.#channels.delete(path)
    await channel?.close()
  }

  /** Hands a line to every device; resolves when the first of them has it. Undefined when there is no device. */
  #post(push: (channel: DeviceQueue) => Promise<void>): Promise<void> | undefined {
    if (this.#channels.size === 0) return undefined
    this.#soon()
    const taken = [...this.#channels.values()].map(push)
    if (taken.length === 1) return taken[0]
    return Promise.any(taken).catch((thrown: AggregateError) => {
      throw thrown.errors[0]
    })
  }

  /** Twice a second while there are devices. */
  #tick(): void {
    if (this.#ticking || this.#channels.size === 0) return
    this.#ticking = true
    this.#parts.clock.after(tickEvery, () => {
      this.#ticking = false
      for (const channel of this.#channels.values()) channel.tick()
      this.#notary?.soon()
      this.#tick()
    })
  }

  #soon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      for (const channel of this.#channels.values()) channel.flush()
    })
  }

  #now(): string {
    const now = this.#parts.clock.now()
    if (now !== this.#time.at) this.#time = { at: now, text: rfc3339(now) }
    return this.#time.text
  }
}
