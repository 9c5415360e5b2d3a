import type { AuditDevice, AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import { refuse } from '../contract/fault.ts'
import type { Clock } from '../util/clock.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Batch, Deferred, diskFull, notAudited } from './batch.ts'
import { begunAt, readBegin } from './lines/first-line.ts'
import { LineWriter } from './lines/entry.ts'
import type { NoteAbout } from './lines/entry.ts'
import { Hasher } from './lines/hasher.ts'
import { LogFileSet } from './log/file-set.ts'
import { LogState } from './log/state.ts'
import type { AuditMetrics } from './metrics.ts'
import type { CommonOptions } from './devices/options.ts'

/** How long a device may take for a write unless it says otherwise, milliseconds. Longer, and it counts as failed until the write ends. */
export const deviceLimit = 5000

/** How soon lines that nobody waits for are on disk, milliseconds. */
export const lazySync = 100

export interface DeviceQueueHost {
  readonly clock: Clock
  readonly log: Log
  /** A fresh request id for lines about the log itself. */
  readonly id: () => string
  /** A fresh id of a log: 32 hexadecimal digits. */
  readonly logId: () => string
  /** Told of every write. */
  readonly written: (channel: DeviceQueue) => void
  /** The newest commit that the storage has acknowledged; undefined while it is sealed. */
  readonly commit: () => number | undefined
  /** Told when a device that could not be opened before has been opened at a line. */
  readonly cameBack: (channel: DeviceQueue) => void
}

/** One audit device at work: its lines, its queue, its chain, its failures. */
export class DeviceQueue {
  readonly spec: AuditDeviceSpec
  readonly #device: AuditDevice
  readonly #options: CommonOptions
  readonly #host: DeviceQueueHost
  #hasher = new Hasher(new Uint8Array(32))
  #usual!: LineWriter
  /** Where key shares pass. */
  #strict!: LineWriter
  /** Undefined until the device was opened. */
  #ledger: LogState | undefined
  /** For a device with files, once it was opened. */
  #journal: LogFileSet | undefined
  #batch: Batch | undefined
  #busy = false
  /** Resolves when the write under way has ended or has outlived its limit. */
  #pending: Promise<void> = Promise.resolve()
  /** A write outlived its limit and has not ended yet. */
  #stuck = false
  #lost = 0
  /** Requests whose first line was not taken because the disk is full: their second one is not either. */
  readonly #refused = new WeakSet<AuditEvent>()
  #down = false
  /** Writes and syncs that failed. */
  failures = 0
  #syncDue = false

  constructor(spec: AuditDeviceSpec, device: AuditDevice, options: CommonOptions, host: DeviceQueueHost) {
    this.spec = spec
    this.#device = device
    this.#options = options
    this.#host = host
  }

  get target(): string | undefined {
    return this.#device.target
  }

  /** The log as it was written so far; undefined until the device was opened. */
  get ledger(): LogState | undefined {
    return this.#journal?.ledger ?? this.#ledger
  }

  get keepsFiles(): boolean {
    return this.#device.file !== undefined
  }

  /** The files of its log; undefined until it was opened, and for a device without files. */
  get journal(): LogFileSet | undefined {
    return this.#journal
  }

  /** From now on texts are hashed under the stored salt. */
  use(salt: Uint8Array, headers: ReadonlyMap<string, boolean>): void {
    this.#hasher = new Hasher(salt)
    this.show(headers)
  }

  /** Hashes under a salt of this boot, and says so in the lines: the stored one is sealed. */
  useBootSalt(salt: Uint8Array): void {
    this.#hasher = new Hasher(salt)
    this.#rewrite(new Map(), true)
  }

  /** Records other request headers from now on. */
  show(headers: ReadonlyMap<string, boolean>): void {
    this.#rewrite(headers, false)
  }

  hash(input: string): string {
    return this.#hasher.of(input)
  }

  /** Opens the device and takes up its chain. A torn end that was set aside gets a line. */
  async open(): Promise<void> {
    const tail = await this.#device.open()
    const { clock, log, logId } = this.#host
    const ledger = LogState.at(this.spec.path, tail, logId())
    const { file } = this.#device
    this.#ledger = ledger
    if (file) {
      const line = (begin: object): string => this.#note('begin', { ...begin })
      const parts = { file, log, device: this.spec.path, now: () => clock.now(), line, id: logId }
      this.#journal = new LogFileSet(parts, ledger, begunAt(tail.head) ?? clock.now())
      // Files of earlier releases do not say which log they are of: another log begins behind them.
      if (tail.head !== undefined && !readBegin(tail.head)) this.#journal.beginAnew('no log before it')
    }
    if (tail.torn) void this.note('torn', tail.torn)
  }

  /** Unless told not to, writes a line of no consequence. @throws Fault invalid_request when that fails. */
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
    const taken = this.#push(this.#note(about, data), true)
    this.flush()
    return taken
  }

  /** Hashes what is large ahead of the line of a request or, with an outcome, of its answer. */
  async prepare(event: AuditEvent, outcome?: AuditOutcome): Promise<void> {
    if (outcome) await this.#answerWriterFor(event, outcome).prepareAnswer(event, outcome)
    else await this.#writerFor(event).prepareRequest(event)
  }

  /** Takes the request line for the next write. `time` is RFC 3339. */
  request(time: string, event: AuditEvent): Promise<void> {
    if (this.#device.file?.full === true) return this.#refuse(event)
    return this.#push(this.#writerFor(event).request(time, event), false)
  }

  /** Takes the response line; the promise of a durable one, which tells of a change, waits for the disk. */
  response(time: string, event: AuditEvent, outcome: AuditOutcome, durable: boolean): Promise<void> {
    if (this.#refused.has(event)) return this.#refuse(event)
    const answerBy = this.#answerWriterFor(event, outcome)
    return this.#push(this.#writerFor(event).response(time, event, outcome, answerBy), durable)
  }

  /** Writes what is queued. Called once per event-loop turn. */
  flush(): void {
    const batch = this.#batch
    if (batch === undefined || this.#busy) return
    this.#batch = undefined
    try {
      const pending = this.#write(batch)
      if (pending) this.#await(batch, pending)
    } catch (thrown) {
      this.#failed(batch, thrown)
    }
  }

  async reopen(): Promise<void> {
    try {
      this.#journal?.reopened()
      await this.#device.reopen()
    } catch (thrown) {
      this.complain(thrown)
    }
  }

  /** For monitoring. */
  measure(): AuditMetrics {
    const counts = { path: this.spec.path, failures: this.failures, lost: this.#lost }
    const journal = this.#journal
    if (!journal) return { ...counts, disturbed: 0 }
    const { file, ledger, disturbed } = journal
    return { ...counts, disturbed, size: ledger.size, full: file.full ? 1 : 0, ...journal.room() }
  }

  /** Every half second: goes on in a new file if the live one was moved, and takes up space again after a full disk. */
  tick(): void {
    const journal = this.#journal
    if (!journal || this.#batch) return
    journal.watchRoom()
    if (!journal.moved && !journal.recovered()) return
    this.#batch = new Batch()
    this.flush()
  }

  /** Resolves when every line written so far is on disk. */
  async sync(): Promise<void> {
    await this.#synced()
  }

  /** Writes what is queued and closes the device. */
  async close(): Promise<void> {
    this.flush()
    while (this.#busy && !this.#stuck) await this.#pending
    await this.#device.sync().catch((thrown: unknown) => this.complain(thrown))
    await this.#device.close()
  }

  /** Tells the server's log, once until the device works again. */
  complain(why: unknown): void {
    this.failures++
    if (this.#down) return
    this.#down = true
    const reason = why instanceof Error ? ((why as NodeJS.ErrnoException).code ?? why.message) : String(why)
    this.#host.log.error('audit device failed; requests that no device records are refused', {
      path: this.spec.path,
      reason,
    })
  }

  #rewrite(headers: ReadonlyMap<string, boolean>, bootSalt: boolean): void {
    const { raw, hmacAccessor, elideLists } = this.#options
    const options = { hmacAccessor, elideLists, headers, bootSalt, commit: this.#host.commit }
    this.#strict = new LineWriter(this.#hasher, { ...options, raw: false, strict: true })
    this.#usual = new LineWriter(this.#hasher, { ...options, raw, strict: false })
  }

  #writerFor(event: AuditEvent): LineWriter {
    return event.neverRaw === true ? this.#strict : this.#usual
  }

  #answerWriterFor(event: AuditEvent, outcome: AuditOutcome): LineWriter {
    return 'carriesKeyShares' in outcome && outcome.carriesKeyShares ? this.#strict : this.#writerFor(event)
  }

  #refuse(event: AuditEvent): Promise<never> {
    this.#refused.add(event)
    this.#lost++
    return Promise.reject(diskFull())
  }

  #note(about: NoteAbout, data?: Readonly<Record<string, unknown>>): string {
    return this.#usual.note(rfc3339(this.#host.clock.now()), this.#host.id(), about, data)
  }

  #push(line: string, durable: boolean): Promise<void> {
    if (this.#stuck) {
      this.#lost++
      return Promise.reject(notAudited('an earlier write has not ended'))
    }
    const batch = (this.#batch ??= new Batch())
    batch.lines.push(line)
    if (!durable && !this.#device.alwaysSync) return batch.written.promise
    return (batch.synced ??= new Deferred()).promise
  }

  /** Gives the device a batch: done when it returns undefined. */
  #write(batch: Batch): Promise<void> | undefined {
    if (this.#ledger === undefined) return this.#comeBack(batch)
    const missed = this.#lost
    const remarks = (this.#journal?.ready() ?? []).map(({ about, data }) => this.#note(about, data))
    const lines = missed > 0 ? [...remarks, this.#note('gap', { lost: missed }), ...batch.lines] : [...remarks, ...batch.lines] // prettier-ignore
    const ledger = this.#journal?.ledger ?? this.#ledger
    const made = ledger.chain(lines)
    const pending = this.#device.write(made.text)
    const taken = () => {
      ledger.take(made)
      this.#lost -= missed
      this.#taken(batch)
    }
    if (pending) return pending.then(taken)
    taken()
    return undefined
  }

  async #comeBack(batch: Batch): Promise<void> {
    await this.open()
    await this.#write(batch)
    this.#host.cameBack(this)
  }

  #taken(batch: Batch): void {
    if (this.#down) this.#host.log.info('audit device works again', { path: this.spec.path })
    this.#down = false
    batch.written.resolve()
    this.#host.written(this)
    const { synced } = batch
    if (!synced) return this.#syncSoon()
    const timer = this.#host.clock.after(deviceLimit, () => synced.reject(notAudited('sync timed out')))
    const ended = (why?: unknown) => {
      timer.cancel()
      if (why === undefined) return synced.resolve()
      this.complain(why)
      synced.reject(notAudited(why))
    }
    this.#synced().then(() => ended(), ended)
  }

  async #synced(): Promise<void> {
    const { ledger } = this
    const mark = ledger && { log: ledger.id, size: ledger.size, leaf: ledger.leaf }
    await this.#device.sync()
    // The log may be in another file by now.
    if (mark) this.ledger?.onDisk(mark)
  }

  #syncSoon(): void {
    if (this.#syncDue) return
    this.#syncDue = true
    this.#host.clock.after(lazySync, () => {
      this.#syncDue = false
      this.#synced().catch((thrown: unknown) => this.complain(thrown))
    })
  }

  #await(batch: Batch, pending: Promise<void>): void {
    this.#busy = true
    const over = new Deferred()
    this.#pending = over.promise
    const timer = this.#host.clock.after(this.#device.limit ?? deviceLimit, () => {
      this.#stuck = true
      this.complain('a write has not ended in time')
      batch.fail(notAudited('a write has not ended in time'))
      const queued = this.#batch
      this.#batch = undefined
      if (queued) this.#drop(queued, 'behind a write that has not ended')
      this.#device.abort?.()
      over.resolve()
    })
    const ended = () => {
      timer.cancel()
      this.#busy = false
      this.#stuck = false
      this.flush()
      over.resolve()
    }
    pending.catch((thrown: unknown) => this.#failed(batch, thrown)).then(ended, ended)
  }

  #failed(batch: Batch, thrown: unknown): void {
    this.complain(thrown)
    this.#drop(batch, thrown)
  }

  #drop(batch: Batch, why: unknown): void {
    this.#lost += batch.lines.length
    batch.fail(notAudited(why))
  }
}
