import type { AuditEvent, AuditOutcome } from '../contract/audit.ts'
import { Fault } from '../contract/fault.ts'
import { perObject } from '../util/caches/per-object.ts'
import type { Clock } from '../util/clock.ts'
import { rfc3339 } from '../util/clock.ts'
import type { DeviceLog } from './device-log.ts'
import type { DeviceSet } from './device-set.ts'
import type { NoteAbout } from './lines/entry.ts'

/** The progress of the two lines of a request. */
interface Progress {
  /** At least one device has accepted the request line. */
  posted: boolean
  /** Resolves with the request line of a pure route: the response line waits for it. */
  unawaited: Promise<void> | undefined
  /** The request changes something; one of a pure route may do so after all. */
  changes: boolean
}

/**
 * Writes the lines of requests and responses to all devices. The lines of one turn of the event loop are written together,
 * and all requests that wait for them continue together. With at least one device, a request fails if no device wrote its
 * line; a device that fails or hangs does not stop the others.
 */
export class Recorder {
  readonly #devices: DeviceSet
  readonly #clock: Clock
  readonly #progressOf = perObject((event: AuditEvent): Progress => ({
    posted: false,
    unawaited: undefined,
    changes: !event.pure,
  }))
  #flushIsDue = false
  #time = { at: NaN, text: '' }

  constructor(devices: DeviceSet, clock: Clock) {
    this.#devices = devices
    this.#clock = clock
  }

  /**
   * Hashes the large strings of a request or, with an outcome, of its response, with pauses for other work. The lines are
   * the same without it.
   */
  async prepare(event: AuditEvent, outcome?: AuditOutcome): Promise<void> {
    for (const device of this.#devices) await device.prepare(event, outcome)
  }

  /** The request line. For a request that changes nothing it may still be queued on return: the response line waits for both. */
  request(event: AuditEvent): Promise<void> | undefined {
    const time = this.#now()
    const posted = this.#post((device) => device.request(time, event))
    if (posted === undefined) return undefined
    const progress = this.#progressOf(event)
    progress.posted = true
    if (!event.pure) return posted
    posted.catch(() => {})
    progress.unawaited = posted
    return undefined
  }

  /**
   * A request of a pure route is about to change something. Resolves when the kernel has its request line; from now on its
   * response line waits for the disk. @throws Fault when no device wrote the line
   */
  async beforeChange(event: AuditEvent): Promise<void> {
    const progress = this.#progressOf(event)
    progress.changes = true
    await progress.unawaited
  }

  /** The response line. Resolves when the kernel has it; for a change, when it is on disk. */
  response(event: AuditEvent, outcome: AuditOutcome): Promise<void> | undefined {
    const { posted: hasRequestLine, unawaited: before, changes } = this.#progressOf(event)
    if (hasRequestLine && this.#lostDevices())
      return event.responseUnaudited === true ? undefined : Promise.reject(sealedMeanwhile())
    const time = this.#now()
    const posted = this.#post((device) => device.response(time, event, outcome, changes))
    // Usually both lines are in one write, and wait for the same promise.
    const both = before === undefined || before === posted ? posted : Promise.all([before, posted]).then(() => {})
    return event.responseUnaudited === true ? both?.catch(() => {}) : both
  }

  /** Writes a line of the log about itself to every device; resolves when one has it on disk. @throws Fault when none took it */
  async note(about: NoteAbout, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#post(async (device) => device.note(about, data))
  }

  /** Writes the queued lines at the end of this turn of the event loop. */
  flushSoon(): void {
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    setImmediate(() => {
      this.#flushIsDue = false
      for (const device of this.#devices) device.flush()
    })
  }

  /** Whether the devices that have the request line were closed by a seal since: nothing could record the response. */
  #lostDevices(): boolean {
    return this.#devices.size === 0 && this.#devices.isSealed
  }

  /** Queues a line for every device; resolves when the first of them has written it. Undefined when there is no device. */
  #post(push: (device: DeviceLog) => Promise<void>): Promise<void> | undefined {
    if (this.#devices.size === 0) return undefined
    this.flushSoon()
    const taken = [...this.#devices].map(push)
    if (taken.length === 1) return taken[0]
    return Promise.any(taken).catch((thrown: AggregateError) => {
      throw thrown.errors[0]
    })
  }

  #now(): string {
    const now = this.#clock.now()
    if (now !== this.#time.at) this.#time = { at: now, text: rfc3339(now) }
    return this.#time.text
  }
}

const sealedMeanwhile = (): Fault => new Fault('sealed', 'Vault is sealed')
