import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { Mutex } from '../../util/mutex.ts'
import type { Heads } from '../log/anchor.ts'
import { Anchors, headOf } from '../log/anchors.ts'
import type { DeviceLog } from '../device-log.ts'
import { SignedLog, checkpointLines } from './signed-log.ts'
import type { Head } from '../log/state.ts'
import type { Note } from './note.ts'

/** The dependencies of anchoring and signing logs. */
export interface CheckpointSignerParts {
  /** The audit folder of the barrier. */
  readonly view: View
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
}

/**
 * While the server is unsealed: stores the heads of the logs, with other commits and by itself, and signs checkpoints. The
 * lines of a checkpoint are on disk, and its head is stored, before it is published.
 */
export class CheckpointSigner {
  readonly #parts: CheckpointSignerParts
  readonly #logs = new Map<string, SignedLog>()
  readonly #turn = new Mutex()
  readonly #anchors: Anchors
  #busy = false
  #isReported = false
  #closed = false

  /** @param heads of devices that are not active (disabled ones), and the epoch. */
  constructor(parts: CheckpointSignerParts, heads: Heads) {
    this.#parts = parts
    this.#anchors = new Anchors(parts.view, heads)
  }

  get epoch(): number {
    return this.#anchors.epoch
  }

  /** The current heads, for every commit. */
  headsToCommit(): ReadonlyMap<string, unknown> {
    return this.#anchors.headsToCommit()
  }

  /** The heads as they are to be stored now. */
  present(): Heads {
    return this.#anchors.present()
  }

  /** The current end of every active log. */
  heads(): ReadonlyMap<string, Head & { readonly origin: string }> {
    return new Map([...this.#logs].map(([path, { device, origin }]) => [path, { ...headOf(device), origin }]))
  }

  /** The newest checkpoint of a device's log; undefined while there is none. */
  checkpoint(path: string): Note | undefined {
    return this.#logs.get(path)?.note
  }

  /** The keys of a device's log as lines of its key file. */
  keysOf(path: string) {
    return this.#logs.get(path)?.keys()
  }

  /** Anchors and signs a log from now on. It must be complete: its tree must be known. */
  async keep(device: DeviceLog): Promise<void> {
    const failed = (thrown: unknown): void => this.#failed(thrown)
    const log = await SignedLog.open({ ...this.#parts, anchors: this.#anchors, failed }, device)
    if (!log) return
    this.#logs.set(device.spec.path, log)
    this.#anchors.keep(device)
    await log.begin()
  }

  /** Stops, because the device was disabled. Its last head stays stored. */
  async retire(path: string): Promise<void> {
    await this.#turn.run(async () => {
      const log = this.#logs.get(path)
      if (!log) return
      await log.checkpoint()
      this.#logs.delete(path)
      this.#anchors.retire(log.device)
      await this.#anchors.store()
    })
  }

  /** Lines were written: a checkpoint may be due. */
  afterWrite(device: DeviceLog): void {
    const log = this.#logs.get(device.spec.path)
    if (log && log.unsigned >= checkpointLines) this.startRound()
  }

  /** Signs everything that is due now; one run at a time. */
  startRound(): void {
    if (this.#busy || this.#closed) return
    this.#busy = true
    this.#turn
      .run(async () => this.#round())
      .catch((thrown: unknown) => this.#failed(thrown))
      .finally(() => (this.#busy = false))
  }

  /** Resolves when pending work has ended. */
  async idle(): Promise<void> {
    await this.#turn.run(async () => {})
  }

  /** Anchors everything and signs a checkpoint of each log that has new lines. @throws when that fails. */
  async settle(): Promise<void> {
    await this.#turn.run(async () => {
      for (const log of this.#logs.values()) await log.checkpoint()
      await this.#anchors.store()
    })
  }

  /** At seal: the last checkpoint. Failures are logged: they must not prevent the seal. */
  async close(): Promise<void> {
    const { log } = this.#parts
    const notes = [...this.#logs.values()].map(async ({ device }) => device.note('close', { epoch: this.epoch }))
    await Promise.allSettled(notes)
    await this.settle().catch((thrown: unknown) => {
      log.error('the end of the audit log could not be anchored at sealing', { reason: reasonOf(thrown) })
    })
    this.#closed = true
    for (const signed of this.#logs.values()) signed.close()
    this.#logs.clear()
  }

  /** New signing keys for every log. */
  async rotateKeys(): Promise<void> {
    await this.#turn.run(async () => {
      for (const log of this.#logs.values()) await log.rotateKeys()
    })
  }

  async #round(): Promise<void> {
    for (const log of this.#logs.values()) await log.round()
    await this.#anchors.store()
    this.#isReported = false
  }

  #failed(thrown: unknown): void {
    if (this.#isReported || this.#closed) return
    this.#isReported = true
    this.#parts.log.error('the audit log could not be anchored or signed; it is tried again', {
      reason: reasonOf(thrown),
    })
  }
}

const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? ((thrown as NodeJS.ErrnoException).code ?? thrown.message) : 'unknown'
