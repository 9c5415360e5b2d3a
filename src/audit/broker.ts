import { randomUUID } from 'node:crypto'
import type { AuditDeviceSpec, AuditEvent, AuditOutcome } from '../contract/audit.ts'
import type { Commits } from '../contract/barrier.ts'
import { Fault, refuse } from '../contract/fault.ts'
import type { View } from '../contract/view.ts'
import { hex } from '../util/bytes.ts'
import type { Clock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import { Mutex } from '../util/mutex.ts'
import type { CheckpointSigner } from './checkpoints/signer.ts'
import type { DeviceLog } from './device-log.ts'
import { DeviceSet } from './device-set.ts'
import type { DeviceMaker } from './device-set.ts'
import type { NoteAbout } from './lines/entry.ts'
import { Hasher } from './lines/hasher.ts'
import type { LogParts } from './log/open.ts'
import type { AuditMetrics } from './metrics.ts'
import { Recorder } from './recorder.ts'
import { AuditStore } from './store.ts'

/** The parts from which a broker is made. */
export interface BrokerParts {
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
  readonly types: Readonly<Record<string, DeviceMaker>>
  /** Judges the target of a new device. @throws Fault invalid_request */
  readonly checkTarget?: (target: string | undefined) => void
}

/** The operator's options for the audit log at unseal, and the connection to the storage. */
export interface OpenOptions {
  /** Adds records to every commit; undefined: stops that. */
  readonly attachHeads?: (along: (() => ReadonlyMap<string, unknown> | undefined) | undefined) => void
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

/** Everything that exists only between unseal and seal. */
interface Unsealed {
  readonly store: AuditStore
  readonly signer: CheckpointSigner
  readonly opening: OpenOptions
}

/** Owns the audit devices, from the start of the server over unseals and seals to its end. Requests go to its recorder. */
export class AuditBroker {
  readonly #parts: BrokerParts
  readonly #devices: DeviceSet
  readonly #recorder: Recorder
  readonly #changes = new Mutex()
  #unsealed: Unsealed | undefined
  #headers = noHeaders
  #tickIsDue = false

  constructor(parts: BrokerParts) {
    const { log, clock, random, types } = parts
    this.#parts = parts
    this.#devices = new DeviceSet(types, {
      clock,
      log,
      id: randomUUID,
      logId: () => hex(random(16)),
      afterWrite: (device) => this.#unsealed?.signer.afterWrite(device),
      commit: () => this.#unsealed?.opening.commits?.newest,
      reopened: (device) => void this.#readmit(device),
    })
    this.#recorder = new Recorder(this.#devices, clock)
  }

  /**
   * Opens the devices that the configuration declares. They write while the server is sealed too.
   * @throws Fault when one of them cannot be opened: a server whose audit log does not work must not start.
   */
  async configure(specs: readonly AuditDeviceSpec[]): Promise<void> {
    for (const spec of specs) {
      this.#devices.refuseTaken(spec.path)
      const device = this.#devices.make(spec, true)
      this.#parts.checkTarget?.(device.target)
      device.useBootSalt(this.#bootSalt())
      await device.open()
      this.#devices.declare(device)
      this.#recorder.flushSoon()
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
    try {
      await this.#openLogs(store, stored, opening)
    } catch (thrown) {
      for (const device of stored) await device.close()
      throw thrown
    }
    this.#recorder.flushSoon()
    this.#tick()
  }

  /** At seal: signs the last checkpoints. Then only declared devices continue, with a salt of this start of the server. */
  async close(): Promise<void> {
    this.#devices.isSealed = true
    await this.#unsealed?.signer.close()
    this.#unsealed?.opening.attachHeads?.(undefined)
    this.#unsealed = undefined
    this.#headers = noHeaders
    await this.#devices.keepDeclared(() => this.#bootSalt())
  }

  /** Writes and syncs all queued lines, and closes all devices. */
  async shutdown(): Promise<void> {
    await this.#devices.closeAll()
  }

  /** Opens every target again (SIGHUP). One that cannot be opened is tried again at its next line. */
  async reopen(): Promise<void> {
    for (const device of this.#devices) await device.reopen()
  }

  /** @see Recorder.prepare */
  async prepare(event: AuditEvent, outcome?: AuditOutcome): Promise<void> {
    return this.#recorder.prepare(event, outcome)
  }

  /** @see Recorder.request */
  request(event: AuditEvent): Promise<void> | undefined {
    return this.#recorder.request(event)
  }

  /** @see Recorder.beforeChange */
  async beforeChange(event: AuditEvent): Promise<void> {
    return this.#recorder.beforeChange(event)
  }

  /** @see Recorder.response */
  response(event: AuditEvent, outcome: AuditOutcome): Promise<void> | undefined {
    return this.#recorder.response(event, outcome)
  }

  /** @see Recorder.note */
  async note(about: NoteAbout, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.#recorder.note(about, data)
  }

  /** The devices, by path. */
  devices(): AuditDeviceSpec[] {
    return this.#devices.specs()
  }

  /** Enables a device permanently, after it has written a first line. */
  async enable(spec: AuditDeviceSpec): Promise<void> {
    return this.#changes.run(async () => {
      const { store, signer, opening } = this.#required()
      this.#devices.refuseTaken(spec.path)
      const device = this.#devices.make(spec)
      this.#parts.checkTarget?.(device.target)
      device.use(await store.salt(spec.path, true), this.#headers)
      try {
        await device.open()
        const { admitLog } = await import('./log/open.ts')
        await admitLog(this.#logParts(store, opening.commits), signer, device)
        await device.probe()
        await store.add(spec)
      } catch (thrown) {
        await signer.retire(spec.path)
        await device.close()
        throw thrown
      }
      this.#devices.add(device)
      this.#tick()
    })
  }

  /** Disables a device; absent is fine. Its salts are kept, so that its old lines stay checkable. */
  async disable(path: string): Promise<void> {
    return this.#changes.run(async () => {
      const { store, signer } = this.#required()
      if (this.#devices.isDeclared(path))
        throw refuse('this audit device is declared in the configuration file; remove it there and restart the server')
      await store.remove(path)
      await signer.retire(path)
      await this.#devices.drop(path)
    })
  }

  /** The hash of a string in the lines of a device. */
  hash(path: string, input: string): string {
    return this.#devices.at(path).hash(input)
  }

  /** The hash of a string in the lines of a device, which may be gone, with an older salt. */
  async oldHash(path: string, input: string, generation: number): Promise<string> {
    const salt = await this.#required().store.oldSalt(path, generation)
    if (!salt) throw refuse('this device never had a salt of that generation')
    const hasher = new Hasher(salt)
    const hash = hasher.of(input)
    hasher.close()
    return hash
  }

  /** The signer of checkpoints, which also keeps the anchors. @throws Fault sealed */
  get signer(): CheckpointSigner {
    return this.#required().signer
  }

  /** The log of the device at a path. @throws Fault when there is none. */
  logAt(path: string): DeviceLog {
    return this.#devices.at(path)
  }

  /** For monitoring, by path. */
  measure(): readonly AuditMetrics[] {
    return [...this.#devices].map((device) => device.measure())
  }

  /** The ends of all logs that are anchored; none while the server is sealed. */
  heads(): ReturnType<CheckpointSigner['heads']> {
    return this.#unsealed?.signer.heads() ?? new Map()
  }

  /** Headers that are recorded, by lower-case name, in order; true: hashed. */
  headers(): ReadonlyMap<string, boolean> {
    return this.#headers
  }

  /** Records a header from now on, or (undefined) no longer. */
  async setHeader(name: string, hashed: boolean | undefined): Promise<void> {
    return this.#changes.run(async () => {
      this.#headers = await this.#required().store.setHeader(name, hashed)
      for (const device of this.#devices) device.recordHeaders(this.#headers)
    })
  }

  /** The devices enabled through the API, opened. One that cannot be opened now is tried again at each line. */
  async #openStored(store: AuditStore): Promise<readonly DeviceLog[]> {
    const opened: DeviceLog[] = []
    for (const spec of await store.devices()) {
      if (this.#devices.get(spec.path)) continue
      const device = this.#devices.make(spec)
      device.useBootSalt(this.#bootSalt())
      await device.open().catch((thrown: unknown) => device.failed(thrown))
      opened.push(device)
    }
    return opened
  }

  async #openLogs(store: AuditStore, stored: readonly DeviceLog[], opening: OpenOptions): Promise<void> {
    const devices = new Map([...this.#devices, ...stored].map((device) => [device.spec.path, device]))
    // Code for unsealed servers only is loaded at the unseal.
    const { openLogs } = await import('./log/open.ts')
    const opened = await openLogs(this.#logParts(store, opening.commits), devices, opening)
    const headers = await store.headers()
    for (const [path, device] of devices) device.use(await store.salt(path, false), headers)
    for (const device of stored) this.#devices.add(device)
    this.#devices.isSealed = false
    this.#headers = headers
    this.#unsealed = { store, signer: opened.signer, opening }
    opening.attachHeads?.(() => opened.signer.headsToCommit())
    await opened.announce()
  }

  #logParts({ view }: AuditStore, commits: Commits | undefined): LogParts {
    const { clock, log, random } = this.#parts
    return { view, clock, log, random, commits }
  }

  #required(): Unsealed {
    if (!this.#unsealed) throw new Fault('sealed', 'Vault is sealed')
    return this.#unsealed
  }

  #bootSalt(): Uint8Array {
    return this.#parts.random(32)
  }

  /** A device that could not be opened at unseal: its log is checked now, and anchored from now on. */
  async #readmit(device: DeviceLog): Promise<void> {
    const admitted = this.#changes.run(async () => {
      const unsealed = this.#unsealed
      if (!unsealed || this.#devices.get(device.spec.path) !== device) return
      const { admitLog } = await import('./log/open.ts')
      await admitLog(this.#logParts(unsealed.store, unsealed.opening.commits), unsealed.signer, device)
    })
    await admitted.catch((thrown: unknown) => device.failed(thrown))
  }

  /** Twice a second while there are devices. */
  #tick(): void {
    if (this.#tickIsDue || this.#devices.size === 0) return
    this.#tickIsDue = true
    this.#parts.clock.after(tickEvery, () => {
      this.#tickIsDue = false
      for (const device of this.#devices) device.tick()
      this.#unsealed?.signer.startRound()
      this.#tick()
    })
  }
}
