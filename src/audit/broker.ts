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

/** The operator's options for the audit log at unseal, and the connection to the storage. */
export interface OpenOptions {
  /** Adds records to every commit; undefined: stops that. */
  readonly ride?: (along: (() => ReadonlyMap<string, unknown> | undefined) | undefined) => void
  /** The commit numbers of the storage. */
  readonly commits?: Commits
  /** The code of the damage to accept. */
  readonly accept?: string
  /** `[device:]size:root`: an earlier head that a log must contain. */
  readonly expectedHead?: string
}

/** How often files are checked and heads are stored, milliseconds. */
export const tickEvery = 500

const noHeaders: ReadonlyMap<string, boolean> = new Map()

/**
 * Gets every request before it is performed and after. The lines of one turn of the event loop are written together, and
 * all requests that wait for them continue together. With at least one device, a request fails if no device wrote its
 * line; a device that fails or hangs does not stop the others.
 */
export class AuditBroker {
  readonly #parts: BrokerParts
  readonly #queues = new Map<string, DeviceQueue>()
  readonly #declared = new Set<string>()
  readonly #changes = new Mutex()
  /** Request lines that nothing waits for yet: the response line of the same event will. */
  readonly #unawaited = new WeakMap<AuditEvent, Promise<void>>()
  /** Requests of pure routes that change something after all. */
  readonly #changing = new WeakSet<AuditEvent>()
  /** Changes whose request line was written. */
  readonly #awaited = new WeakSet<AuditEvent>()
  /** Since the last seal the devices enabled through the API are closed. */
  #isClosed = false
  #store: AuditStore | undefined
  #signer: CheckpointSigner | undefined
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
      const queue = this.#queueOf(spec, true)
      queue.useBootSalt(this.#parts.random(32))
      await queue.open()
      this.#queues.set(spec.path, queue)
      this.#declared.add(spec.path)
      this.#soon()
    }
    this.#tick()
  }

  /**
   * At unseal: compares the logs with their stored heads before anything is changed; then loads the stored salts, the
   * devices enabled through the API, and the headers to record. @throws Fault precondition_failed when a log does not match
   * its head, and the operator has not accepted that.
   */
  async open(view: View, opening: OpenOptions = {}): Promise<void> {
    const store = new AuditStore(view, this.#parts.random)
    const stored = await this.#openStored(store)
    const queues = new Map([...this.#queues, ...stored])
    try {
      // Code for unsealed servers only is loaded at the unseal.
      const { openLogs } = await import('./log/open.ts')
      const opened = await openLogs(this.#logParts(store, opening.commits), queues, opening)
      const headers = await store.headers()
      for (const [path, queue] of queues) queue.use(await store.salt(path, false), headers)
      for (const [path, queue] of stored) this.#queues.set(path, queue)
      this.#store = store
      this.#isClosed = false
      this.#headers = headers
      this.#signer = opened.notary
      this.#ride = opening.ride
      this.#commits = opening.commits
      opening.ride?.(() => opened.notary.riding())
      await opened.announce()
    } catch (thrown) {
      for (const queue of stored.values()) await queue.close()
      throw thrown
    }
    this.#soon()
    this.#tick()
  }

  /** The devices enabled through the API, opened. One that cannot be opened now is tried again at each line. */
  async #openStored(store: AuditStore): Promise<Map<string, DeviceQueue>> {
    const opened = new Map<string, DeviceQueue>()
    for (const spec of await store.devices()) {
      if (this.#queues.has(spec.path)) continue
      const queue = this.#queueOf(spec)
      queue.useBootSalt(this.#parts.random(32))
      await queue.open().catch((thrown: unknown) => queue.complain(thrown))
      opened.set(spec.path, queue)
    }
    return opened
  }

  /** At seal: signs the last checkpoints. Then only declared devices continue, with a salt of this start of the server. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#signer?.close()
    this.#ride?.(undefined)
    this.#ride = undefined
    this.#commits = undefined
    this.#signer = undefined
    this.#store = undefined
    this.#headers = noHeaders
    for (const [path, queue] of this.#queues) {
      if (this.#declared.has(path)) queue.useBootSalt(this.#parts.random(32))
      else await this.#drop(path)
    }
  }

  /** Writes and syncs all queued lines, and closes all devices. */
  async shutdown(): Promise<void> {
    for (const path of this.#queues.keys()) await this.#drop(path)
  }

  /** Opens every target again (SIGHUP). One that cannot be opened is tried again at its next line. */
  async reopen(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.reopen()
  }

  /**
   * Hashes the large strings of a request or, with an outcome, of its response, with pauses for other work. The lines are
   * the same without it.
   */
  async prepare(event: AuditEvent, outcome?: AuditOutcome): Promise<void> {
    for (const queue of this.#queues.values()) await queue.prepare(event, outcome)
  }

  /** The request line. For a request that changes nothing it may still be queued when this returns: the response line waits for both. */
  request(event: AuditEvent): Promise<void> | undefined {
    const time = this.#now()
    const written = this.#post((queue) => queue.request(time, event))
    if (written === undefined) return undefined
    if (!event.pure) {
      this.#awaited.add(event)
      return written
    }
    written.catch(() => {})
    this.#unawaited.set(event, written)
    return undefined
  }

  /**
   * A request of a pure route is about to change something. Resolves when the kernel has its request line; from now on its
   * response line waits for the disk. @throws Fault when no device wrote the line
   */
  async beforeChange(event: AuditEvent): Promise<void> {
    this.#changing.add(event)
    await this.#unawaited.get(event)
  }

  /** The response line. Resolves when the kernel has it; for a change, when it is on disk. */
  response(event: AuditEvent, outcome: AuditOutcome): Promise<void> | undefined {
    if (this.#lostDevices(event)) return event.answersUnaudited === true ? undefined : Promise.reject(sealedMeanwhile())
    const time = this.#now()
    const durable = !event.pure || this.#changing.has(event)
    const written = this.#post((queue) => queue.response(time, event, outcome, durable))
    const before = this.#unawaited.get(event)
    // Usually both lines are in one write, and wait for the same promise.
    const both = before === undefined || before === written ? written : Promise.all([before, written]).then(() => {})
    return event.answersUnaudited === true ? both?.catch(() => {}) : both
  }

  /** Whether the devices that have the request line were closed by a seal since: nothing could record the response. */
  #lostDevices(event: AuditEvent): boolean {
    return this.#queues.size === 0 && this.#isClosed && (this.#awaited.has(event) || this.#unawaited.has(event))
  }

  /** Writes a line of the log about itself to every device; resolves when one has it on disk. @throws Fault when none took it */
  async note(about: NoteAbout, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#post(async (queue) => queue.note(about, data))
  }

  /** The devices, by path. */
  devices(): AuditDeviceSpec[] {
    const specs = [...this.#queues.values()].map(({ spec }) => spec)
    return specs.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  /** Enables a device permanently, after it has written a first line. */
  async enable(spec: AuditDeviceSpec): Promise<void> {
    return this.#changes.run(async () => {
      const store = this.#opened()
      this.#free(spec.path)
      const queue = this.#queueOf(spec)
      queue.use(await store.salt(spec.path, true), this.#headers)
      try {
        await queue.open()
        const { admitLog } = await import('./log/open.ts')
        await admitLog(this.#logParts(store, this.#commits), this.notary, queue)
        await queue.probe()
        await store.add(spec)
      } catch (thrown) {
        await this.#signer?.letGo(spec.path)
        await queue.close()
        throw thrown
      }
      this.#queues.set(spec.path, queue)
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
      await this.#signer?.letGo(path)
      await this.#drop(path)
    })
  }

  /** The hash of a string in the lines of a device. */
  hash(path: string, input: string): string {
    return this.#queueAt(path).hash(input)
  }

  /** The hash of a string in the lines of a device, which may be gone, with an older salt. */
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
    if (!this.#signer) throw new Fault('sealed', 'Vault is sealed', { bare: true })
    return this.#signer
  }

  /** The queue of the device at a path. @throws Fault when there is none. */
  channelAt(path: string): DeviceQueue {
    return this.#queueAt(path)
  }

  /** For monitoring, by path. */
  measure(): readonly AuditMetrics[] {
    return [...this.#queues.values()].map((queue) => queue.measure())
  }

  /** The ends of all logs that are anchored; none while the server is sealed. */
  heads(): ReturnType<CheckpointSigner['heads']> {
    return this.#signer?.heads() ?? new Map()
  }

  #queueAt(path: string): DeviceQueue {
    const queue = this.#queues.get(path)
    if (!queue) throw refuse(`unknown audit backend ${JSON.stringify(path)}`)
    return queue
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
      for (const queue of this.#queues.values()) queue.show(this.#headers)
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
    if ([...this.#queues.keys()].some((taken) => taken.startsWith(path) || path.startsWith(taken)))
      throw refuse('path already in use')
  }

  #queueOf(spec: AuditDeviceSpec, declared = false): DeviceQueue {
    const { log, clock, types } = this.#parts
    const make = Object.hasOwn(types, spec.type) ? types[spec.type] : undefined
    if (!make) throw refuse(`unknown backend type: ${JSON.stringify(spec.type)}`)
    const options = new DeviceOptions(spec.options, declared)
    const common = commonOptions(options)
    const device = make(options, log)
    options.done()
    if (device.target !== undefined && [...this.#queues.values()].some(({ target }) => target === device.target))
      throw refuse('another audit device writes to that target already; give each device its own file')
    return new DeviceQueue(spec, device, common, {
      clock,
      log,
      id: () => uuidOf(this.#parts.random(16)),
      logId: () => hex(this.#parts.random(16)),
      written: (queue) => this.#signer?.written(queue),
      commit: () => this.#commits?.newest,
      cameBack: (queue) => void this.#readmit(queue),
    })
  }

  /** A device that could not be opened at unseal: its log is checked now, and anchored from now on. */
  async #readmit(queue: DeviceQueue): Promise<void> {
    const admitted = this.#changes.run(async () => {
      const store = this.#store
      if (!store || this.#queues.get(queue.spec.path) !== queue) return
      const { admitLog } = await import('./log/open.ts')
      await admitLog(this.#logParts(store, this.#commits), this.notary, queue)
    })
    await admitted.catch((thrown: unknown) => queue.complain(thrown))
  }

  async #drop(path: string): Promise<void> {
    const queue = this.#queues.get(path)
    this.#queues.delete(path)
    await queue?.close()
  }

  /** Queues a line for every device; resolves when the first of them has written it. Undefined when there is no device. */
  #post(push: (queue: DeviceQueue) => Promise<void>): Promise<void> | undefined {
    if (this.#queues.size === 0) return undefined
    this.#soon()
    const taken = [...this.#queues.values()].map(push)
    if (taken.length === 1) return taken[0]
    return Promise.any(taken).catch((thrown: AggregateError) => {
      throw thrown.errors[0]
    })
  }

  /** Twice a second while there are devices. */
  #tick(): void {
    if (this.#ticking || this.#queues.size === 0) return
    this.#ticking = true
    this.#parts.clock.after(tickEvery, () => {
      this.#ticking = false
      for (const queue of this.#queues.values()) queue.tick()
      this.#signer?.soon()
      this.#tick()
    })
  }

  #soon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      for (const queue of this.#queues.values()) queue.flush()
    })
  }

  #now(): string {
    const now = this.#parts.clock.now()
    if (now !== this.#time.at) this.#time = { at: now, text: rfc3339(now) }
    return this.#time.text
  }
}

const sealedMeanwhile = (): Fault => new Fault('sealed', 'Vault is sealed', { bare: true })
