import type { AuditDevice, AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import { refuse } from '../contract/fault.ts'
import type { Clock } from '../util/clock.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { diskFull } from './batch.ts'
import { DeviceHealth } from './device-health.ts'
import type { CommonOptions } from './devices/options.ts'
import type { NoteAbout } from './lines/entry.ts'
import { begunAt, readBegin } from './lines/first-line.ts'
import { marked } from './lines/marks.ts'
import { LineWriters } from './lines/writers.ts'
import { LogFileSet } from './log/file-set.ts'
import { LogState } from './log/state.ts'
import type { AuditMetrics } from './metrics.ts'
import { WriteQueue, deviceLimit } from './write-queue.ts'

/** The parts of the server that a device's log needs. */
export interface DeviceLogHost {
  readonly clock: Clock
  readonly log: Log
  /** A fresh request id for lines about the log itself. */
  readonly id: () => string
  /** A fresh id of a log: 32 hexadecimal digits. */
  readonly logId: () => string
  /** Called after every write. */
  readonly afterWrite: (device: DeviceLog) => void
  /** The newest commit that the storage has acknowledged; undefined while it is sealed. */
  readonly commit: () => number | undefined
  /** Called when a device that could not be opened before has been opened by a later line. */
  readonly reopened: (device: DeviceLog) => void
}

/** The opened log: the file set of a device with files, which has the state; otherwise only the state. */
type Opened = { readonly state: LogState } | LogFileSet

/** The log of one device: lines pass through its queue, get their place in the chain, and are written to its files. */
export class DeviceLog {
  readonly spec: AuditDeviceSpec
  readonly #device: AuditDevice
  readonly #options: CommonOptions
  readonly #host: DeviceLogHost
  readonly #writers: LineWriters
  readonly #health: DeviceHealth
  readonly #queue: WriteQueue
  /** Undefined until the device was opened. */
  #opened: Opened | undefined
  /** Requests whose first line was refused because the disk is full: their second line is refused as well. */
  readonly #refused = new WeakSet<AuditEvent>()

  constructor(spec: AuditDeviceSpec, device: AuditDevice, options: CommonOptions, host: DeviceLogHost) {
    this.spec = spec
    this.#device = device
    this.#options = options
    this.#host = host
    const { raw, hmacAccessor, elideLists } = options
    this.#writers = new LineWriters({ raw, hmacAccessor, elideLists })
    this.#health = new DeviceHealth(spec.path, host.log)
    this.#queue = new WriteQueue(
      {
        limit: device.limit ?? deviceLimit,
        alwaysSync: device.alwaysSync,
        write: (lines, lost) => this.#write(lines, lost),
        sync: async () => this.sync(),
        abort: () => device.abort?.(),
        failed: (why) => this.failed(why),
      },
      host.clock,
    )
  }

  get target(): string | undefined {
    return this.#device.target
  }

  /** The log as written so far; undefined until the device was opened. */
  get state(): LogState | undefined {
    return this.#opened?.state
  }

  /** The files of its log; undefined until it was opened, and for a device without files. */
  get files(): LogFileSet | undefined {
    return this.#opened instanceof LogFileSet ? this.#opened : undefined
  }

  get keepsFiles(): boolean {
    return this.#device.file !== undefined
  }

  /** Strings are hashed under the stored salt from now on. */
  use(salt: Uint8Array, headers: ReadonlyMap<string, boolean>): void {
    this.#writers.use(salt, headers)
  }

  /** Strings are hashed under a salt of this start of the server: the stored one is sealed. */
  useBootSalt(salt: Uint8Array): void {
    this.#writers.useBootSalt(salt)
  }

  /** Other request headers are recorded from now on. */
  recordHeaders(headers: ReadonlyMap<string, boolean>): void {
    this.#writers.recordHeaders(headers)
  }

  hash(input: string): string {
    return this.#writers.hash(input)
  }

  /** Opens the device and continues its chain. An incomplete last line that was moved aside is reported by a line. */
  async open(): Promise<void> {
    const tail = await this.#device.open()
    const { clock, log, logId } = this.#host
    const state = LogState.at(this.spec.path, tail, logId())
    const { file } = this.#device
    this.#opened = { state }
    if (file) {
      const line = (begin: object): string => this.#marked([this.#note('begin', { ...begin })])[0] as string
      const parts = { file, log, device: this.spec.path, now: () => clock.now(), line, id: logId }
      const files = new LogFileSet(parts, state, begunAt(tail.head) ?? clock.now())
      this.#opened = files
      // Files of earlier releases do not contain the id of their log: another log begins after them.
      if (tail.head !== undefined && !readBegin(tail.head)) files.beginAnew('no log before it')
    }
    if (tail.torn) void this.note('torn', tail.torn)
  }

  /** Unless the options forbid it, writes a line of no consequence. @throws Fault invalid_request when that fails. */
  async probe(): Promise<void> {
    try {
      await (this.#options.skipTest ? undefined : this.note('test'))
    } catch (thrown) {
      throw refuse('the audit device did not take a first line, so it was not enabled; see the server log', {
        cause: thrown,
      })
    }
  }

  /** Writes a line about the log itself; resolves when it is on disk. */
  async note(about: NoteAbout, data?: Readonly<Record<string, unknown>>): Promise<void> {
    const taken = this.#queue.push(this.#note(about, data), true)
    this.#queue.flush()
    return taken
  }

  /** Hashes large data before the line of a request or, with an outcome, of its response. */
  async prepare(event: AuditEvent, outcome?: AuditOutcome): Promise<void> {
    if (outcome) await this.#writers.forResponse(event, outcome).prepareResponse(event, outcome)
    else await this.#writers.of(event).prepareRequest(event)
  }

  /** Queues the request line. `time` is RFC 3339. */
  request(time: string, event: AuditEvent): Promise<void> {
    if (this.#device.file?.full === true) return this.#refuse(event)
    return this.#queue.push(this.#writers.of(event).request(time, event), false)
  }

  /** Queues the response line; the promise of a durable line, for a change, waits for the disk. */
  response(time: string, event: AuditEvent, outcome: AuditOutcome, durable: boolean): Promise<void> {
    if (this.#refused.has(event)) return this.#refuse(event)
    const writer = this.#writers.forResponse(event, outcome)
    return this.#queue.push(this.#writers.of(event).response(time, event, outcome, writer), durable)
  }

  /** Writes the queued lines. Called once per event-loop turn. */
  flush(): void {
    this.#queue.flush()
  }

  /** Opens the target again. If that fails, the next line tries again. */
  async reopen(): Promise<void> {
    try {
      this.files?.reopened()
      await this.#device.reopen()
    } catch (thrown) {
      this.failed(thrown)
    }
  }

  /** For monitoring. */
  measure(): AuditMetrics {
    const counts = {
      path: this.spec.path,
      failures: this.#health.failures,
      lost: this.#queue.lost,
      waiting: this.#queue.length,
    }
    const { files } = this
    if (!files) return { ...counts, disturbed: 0 }
    const { file, state, disturbed } = files
    return { ...counts, disturbed, size: state.size, full: file.full ? 1 : 0, ...files.freeSpace() }
  }

  /** Every half second: continues in a new file if the live one was moved, and reserves space again after a full disk. */
  tick(): void {
    const { files } = this
    if (!files || !this.#queue.isEmpty) return
    try {
      files.watchSpace()
      if (files.moved || files.recovered()) this.#queue.wake()
    } catch (thrown) {
      // For example, its folder cannot be read now: other devices and a sealed server continue.
      this.failed(thrown)
    }
  }

  /** Resolves when every line written so far is on disk. */
  async sync(): Promise<void> {
    const { state } = this
    const mark = state && { log: state.id, size: state.size, leaf: state.leaf }
    await this.#device.sync()
    // The log may be in another file by now.
    if (mark) this.state?.onDisk(mark)
  }

  /** Writes the queued lines and closes the device. */
  async close(): Promise<void> {
    await this.#queue.drain()
    await this.#device.sync().catch((thrown: unknown) => this.failed(thrown))
    await this.#device.close()
  }

  /** A write, a sync or the opening failed: one entry in the server log, until the device works again. */
  failed(why: unknown): void {
    this.#health.failed(why)
  }

  #refuse(event: AuditEvent): Promise<never> {
    this.#refused.add(event)
    return this.#queue.lose(diskFull())
  }

  #note(about: NoteAbout, data?: Readonly<Record<string, unknown>>): string {
    return this.#writers.usual.note(rfc3339(this.#host.clock.now()), this.#host.id(), about, data)
  }

  #marked(lines: readonly string[]): readonly string[] {
    return marked(lines, this.#host.commit())
  }

  /** Chains lines and writes them, after pending lines about the log itself: done if it returns undefined. */
  #write(lines: readonly string[], lost: number): Promise<void> | undefined {
    if (this.#opened === undefined) return this.#reopen(lines, lost)
    const remarks = (this.files?.ready() ?? []).map(({ about, data }) => this.#note(about, data))
    const gap = lost > 0 ? [this.#note('gap', { lost })] : []
    const { state } = this.#opened
    const made = state.chain(this.#marked([...remarks, ...gap, ...lines]))
    const written = (): void => {
      state.take(made)
      this.#health.works()
      this.#host.afterWrite(this)
    }
    const pending = this.#device.write(made.text)
    if (pending) return pending.then(written)
    written()
    return undefined
  }

  async #reopen(lines: readonly string[], lost: number): Promise<void> {
    await this.open()
    await this.#write(lines, lost)
    this.#host.reopened(this)
  }
}
