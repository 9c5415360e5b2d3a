import type { AuditDevice, AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { Clock } from '../util/clock.ts'
import { rfc3339 } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { Link } from './chain.ts'
import { after, chained, start } from './chain.ts'
import { LineWriter } from './entry.ts'
import { Hasher } from './hasher.ts'
import type { CommonOptions } from './options.ts'

/** How long a device may take for a write unless it says otherwise, milliseconds. Longer, and it counts as failed until the write ends. */
export const deviceLimit = 5000

/** How soon lines that nobody waits for are on disk, milliseconds. */
export const lazySync = 100

export interface ChannelHost {
  readonly clock: Clock
  readonly log: Log
  /** A fresh request id for lines about the log itself. */
  readonly id: () => string
}

/** A promise with its ends; nobody has to look at its failure. */
class Promised {
  readonly promise: Promise<void>
  resolve!: () => void
  reject!: (why: Fault) => void

  constructor() {
    this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }))
    this.promise.catch(() => {})
  }
}

/** The lines of one event-loop turn: one write, and everyone who waits for it is released together. */
class Batch {
  readonly lines: string[] = []
  readonly written = new Promised()
  synced: Promised | undefined

  fail(why: Fault): void {
    this.written.reject(why)
    this.synced?.reject(why)
  }
}

/** What callers are told when no device took their line. */
export function notAudited(cause?: unknown): Fault {
  const message =
    'the request could not be written to the audit log: check the disk space and the audit devices, then try again'
  return new Fault('internal', message, { cause })
}

/** One audit device at work: its lines, its queue, its chain, its failures. */
export class Channel {
  readonly spec: AuditDeviceSpec
  readonly #device: AuditDevice
  readonly #options: CommonOptions
  readonly #host: ChannelHost
  #hasher = new Hasher(new Uint8Array(32))
  #usual!: LineWriter
  /** For lines that are never raw. */
  #strict!: LineWriter
  /** Undefined until the device was opened. */
  #next: Link | undefined
  #batch: Batch | undefined
  #busy = false
  /** Resolves when the write under way has ended or has outlived its limit. */
  #pending: Promise<void> = Promise.resolve()
  /** A write outlived its limit and has not ended yet. */
  #stuck = false
  #lost = 0
  #down = false
  #syncDue = false

  constructor(spec: AuditDeviceSpec, device: AuditDevice, options: CommonOptions, host: ChannelHost) {
    this.spec = spec
    this.#device = device
    this.#options = options
    this.#host = host
  }

  get target(): string | undefined {
    return this.#device.target
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
    const { line, torn } = await this.#device.open()
    this.#next = line === undefined ? start : after(line)
    if (torn) void this.#push(this.#note('torn', torn), true)
  }

  /** Opens it and, unless told not to, writes a line of no consequence. @throws Fault invalid_request when that fails. */
  async begin(): Promise<void> {
    try {
      await this.open()
      const taken = this.#options.skipTest ? undefined : this.#push(this.#note('test'), true)
      this.flush()
      await taken
    } catch (thrown) {
      if (thrown instanceof Fault && thrown.code === 'invalid_request') throw thrown
      throw refuse('the audit device did not take a first line, so it was not enabled; see the server log', {
        cause: thrown,
      })
    }
  }

  /** Takes the request line for the next write. `time` is RFC 3339. */
  request(time: string, event: AuditEvent): Promise<void> {
    return this.#push(this.#writerFor(event).request(time, event), false)
  }

  /** Takes the response line; the promise of one that tells of a change waits for the disk. */
  response(time: string, event: AuditEvent, outcome: AuditOutcome): Promise<void> {
    return this.#push(this.#writerFor(event).response(time, event, outcome), !event.pure)
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
    await this.#device.reopen().catch((thrown: unknown) => this.complain(thrown))
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
    const options = { raw: false, hmacAccessor, elideLists, headers, bootSalt }
    this.#strict = new LineWriter(this.#hasher, options)
    this.#usual = raw ? new LineWriter(this.#hasher, { ...options, raw }) : this.#strict
  }

  #writerFor(event: AuditEvent): LineWriter {
    return event.neverRaw === true ? this.#strict : this.#usual
  }

  #note(about: 'test' | 'torn' | 'gap', data?: Readonly<Record<string, unknown>>): string {
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
    return (batch.synced ??= new Promised()).promise
  }

  /** Gives the device a batch: done when it returns undefined. */
  #write(batch: Batch): Promise<void> | undefined {
    if (this.#next === undefined) return this.open().then(() => this.#write(batch))
    const missed = this.#lost
    const lines = missed > 0 ? [this.#note('gap', { lost: missed }), ...batch.lines] : batch.lines
    const { text, next } = chained(this.#next, lines)
    const pending = this.#device.write(text)
    const taken = () => {
      this.#next = next
      this.#lost -= missed
      this.#taken(batch)
    }
    if (pending) return pending.then(taken)
    taken()
    return undefined
  }

  #taken(batch: Batch): void {
    if (this.#down) this.#host.log.info('audit device works again', { path: this.spec.path })
    this.#down = false
    batch.written.resolve()
    const { synced } = batch
    if (!synced) return this.#syncSoon()
    const timer = this.#host.clock.after(deviceLimit, () => synced.reject(notAudited('sync timed out')))
    const ended = (why?: unknown) => {
      timer.cancel()
      if (why === undefined) return synced.resolve()
      this.complain(why)
      synced.reject(notAudited(why))
    }
    this.#device.sync().then(() => ended(), ended)
  }

  #syncSoon(): void {
    if (this.#syncDue) return
    this.#syncDue = true
    this.#host.clock.after(lazySync, () => {
      this.#syncDue = false
      this.#device.sync().catch((thrown: unknown) => this.complain(thrown))
    })
  }

  #await(batch: Batch, pending: Promise<void>): void {
    this.#busy = true
    const over = new Promised()
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
