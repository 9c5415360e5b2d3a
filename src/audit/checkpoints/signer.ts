import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import { Mutex } from '../../util/mutex.ts'
import type { Heads } from '../log/anchor.ts'
import { Anchors, headOf } from '../log/anchors.ts'
import type { DeviceLog } from '../device-log.ts'
import { checkpointText } from './checkpoint.ts'
import { checkpointFileOf, cutHalfRecord } from './checkpoint-file.ts'
import { publish } from './publish.ts'
import type { Head } from '../log/state.ts'
import type { Note } from './note.ts'
import { noteText } from './note.ts'
import { vkeyText } from './verifier-key.ts'
import type { NoteSigner } from './note-keys.ts'
import { tidyClosed } from '../log/retention.ts'
import type { SigningRecord } from './stored-keys.ts'
import { freshSigning, publishKeys, rangedKeys, retired, signersIn, signingName, signingShape } from './stored-keys.ts'

/** A checkpoint is due after so many lines, or so many milliseconds after a line that none covers. */
export const checkpointLines = 1000
export const checkpointEvery = 10_000
/** A log that nobody writes to gets a line after so long, milliseconds: silence is told too. */
export const heartbeatEvery = 3_600_000
/** How often closed files are looked after when none was closed, milliseconds. */
const tidyEvery = 60_000

export interface CheckpointSignerParts {
  /** The audit folder of the barrier. */
  readonly view: View
  readonly clock: Clock
  readonly log: Log
  readonly random: (bytes: number) => Uint8Array
}

/** A log that is anchored and signed. */
interface SignedLog {
  readonly device: DeviceLog
  record: SigningRecord
  signers: readonly NoteSigner[]
  /** The newest checkpoint. */
  note: Note | undefined
  /** Its size, and when it was made. */
  signed: number
  signedAt: number
  /** When a line was written last. */
  size: number
  sizeAt: number
  /** Whether the key file has the present keys. */
  keysPublished: boolean
  /** When closed files were looked after last, and whether they are now. */
  tidiedAt: number
  tidying: boolean
}

/**
 * While the server is open: keeps the heads of the logs in the storage, in the commits of others and by itself, and signs
 * checkpoints. What a checkpoint says is on disk, and the storage knows of it, before it is published.
 */
export class CheckpointSigner {
  readonly #parts: CheckpointSignerParts
  readonly #logs = new Map<string, SignedLog>()
  readonly #turn = new Mutex()
  readonly #anchors: Anchors
  #busy = false
  #complained = false
  #closed = false

  /** @param heads of devices that are not kept here (disabled ones), and the epoch. */
  constructor(parts: CheckpointSignerParts, heads: Heads) {
    this.#parts = parts
    this.#anchors = new Anchors(parts.view, heads)
  }

  get epoch(): number {
    return this.#anchors.epoch
  }

  /** The heads as they are now: what rides in every commit. */
  riding(): ReadonlyMap<string, unknown> {
    return this.#anchors.riding()
  }

  /** The heads as they are to be stored now. */
  present(): Heads {
    return this.#anchors.present()
  }

  /** The present end of every log that is kept. */
  heads(): ReadonlyMap<string, Head & { readonly origin: string }> {
    return new Map(
      [...this.#logs].map(([path, { device, record }]) => [path, { ...headOf(device), origin: record.origin }]),
    )
  }

  /** The newest checkpoint of a device's log; undefined while there is none. */
  checkpoint(path: string): Note | undefined {
    return this.#logs.get(path)?.note
  }

  /** The keys of a device's log as lines of its key file. */
  keysOf(path: string) {
    const log = this.#logs.get(path)
    return log && rangedKeys(log.record, log.signers)
  }

  /** Anchors and signs a log from now on. It must be whole: its tree must be known. */
  async keep(device: DeviceLog): Promise<void> {
    const { view, clock, random } = this.#parts
    const path = device.spec.path
    const state = device.state
    const file = device.files?.file
    if (!state || !file) return
    const stored = await view.get(signingName(path), signingShape)
    const resumed = stored?.origin === state.origin ? stored : undefined
    const record = resumed ?? freshSigning(state.origin, 0, [], { mlDsa: file.settings.mlDsa, random })
    if (!resumed) await view.put(signingName(path), record)
    const signers = signersIn(record, () => clock.now())
    state.keys = signers.map(({ key }) => vkeyText(key))
    const now = clock.now()
    // Lines before `from` are for the keys before these to sign, and they did.
    this.#logs.set(path, {
      device,
      record,
      signers,
      note: undefined,
      signed: record.from - 1,
      signedAt: -Infinity,
      size: state.size,
      sizeAt: now,
      keysPublished: false,
      tidiedAt: -Infinity,
      tidying: false,
    })
    this.#anchors.keep(device)
    await cutHalfRecord(checkpointFileOf(file.path))
    this.#publishKeys(path)
    if (record.unpublished !== undefined) await this.#publishSwitch(path, record, record.unpublished)
    if ((record.mlDsa44 !== undefined) !== file.settings.mlDsa) await this.#rotateKeys(path)
  }

  /** No longer: the device was disabled. Its last head stays known. */
  async letGo(path: string): Promise<void> {
    await this.#turn.run(async () => {
      await this.#checkpoint(path, true)
      const log = this.#logs.get(path)
      if (!log) return
      this.#logs.delete(path)
      this.#anchors.letGo(log.device)
      await this.#anchors.store()
    })
  }

  /** Lines were written: a checkpoint may be due. */
  afterWrite(device: DeviceLog): void {
    const log = this.#logs.get(device.spec.path)
    if (log && (device.state?.size ?? 0) - log.signed >= checkpointLines) this.soon()
  }

  /** Signs everything that is due now; one run at a time. */
  soon(): void {
    if (this.#busy || this.#closed) return
    this.#busy = true
    this.#turn
      .run(async () => this.#round())
      .catch((thrown: unknown) => this.#complain(thrown))
      .finally(() => (this.#busy = false))
  }

  /** Resolves when what is under way has ended. */
  async idle(): Promise<void> {
    await this.#turn.run(async () => {})
  }

  /** Anchors everything and signs a checkpoint of each log that has new lines. @throws when that fails. */
  async settle(): Promise<void> {
    await this.#turn.run(async () => {
      for (const path of this.#logs.keys()) await this.#checkpoint(path, true)
      await this.#anchors.store()
    })
  }

  /** At seal: the last checkpoint. What fails is logged: sealing must not. */
  async close(): Promise<void> {
    const { log } = this.#parts
    const notes = [...this.#logs.values()].map(async ({ device }) => device.note('close', { epoch: this.epoch }))
    await Promise.allSettled(notes)
    await this.settle().catch((thrown: unknown) => {
      log.error('the end of the audit log could not be anchored at sealing', { reason: reasonOf(thrown) })
    })
    this.#closed = true
    this.#logs.clear()
  }

  /** New signing keys for every log. One checkpoint is signed by the old and the new ones; then the old ones are gone. */
  async rotateKeys(): Promise<void> {
    await this.#turn.run(async () => {
      for (const path of this.#logs.keys()) await this.#rotateKeys(path)
    })
  }

  async #round(): Promise<void> {
    const now = this.#parts.clock.now()
    for (const [path, log] of this.#logs) {
      const size = log.device.state?.size ?? 0
      if (size !== log.size) Object.assign(log, { size, sizeAt: now })
      else if (size > 0 && Math.abs(now - log.sizeAt) >= heartbeatEvery) await log.device.note('heartbeat')
      if (!log.keysPublished) this.#publishKeys(path)
      await this.#finishSwitch(path, log)
      await this.#closedFiles(path, log)
      await this.#checkpoint(path, false)
    }
    await this.#anchors.store()
    this.#complained = false
  }

  /** Signs and publishes a checkpoint if one is due, or (`now`) if any line is not covered by one. */
  async #checkpoint(path: string, now: boolean): Promise<void> {
    const log = this.#logs.get(path)
    if (!log) return
    const { size } = headOf(log.device)
    const time = this.#parts.clock.now()
    if (size === log.signed) log.signedAt = time
    const due = size - log.signed >= checkpointLines || Math.abs(time - log.signedAt) >= checkpointEvery
    if (size === log.signed || !(now || due)) return
    await this.#sign(path, log, headOf(log.device))
  }

  /** Lines on disk, then the storage, then the checkpoint file. */
  async #sign(path: string, log: SignedLog, head: Head, beside?: string): Promise<Note> {
    await log.device.sync()
    if (!this.#anchors.has(path, head)) await this.#anchors.store()
    const root = Buffer.from(head.root ?? '', 'base64')
    const text = checkpointText({ origin: log.record.origin, size: head.size, root })
    const note = { text, signatures: log.signers.map((signer) => signer.sign(text)) }
    await publish(log.device, noteText(note), head.size, beside)
    if (head.size >= log.signed) Object.assign(log, { note, signed: head.size, signedAt: this.#parts.clock.now() })
    return note
  }

  async #rotateKeys(path: string): Promise<void> {
    const log = this.#logs.get(path)
    const file = log?.device.files?.file
    if (!log || !file) return
    const { view, clock, random } = this.#parts
    // The link from the old keys to the new ones must not be lost with this change.
    await this.#finishSwitch(path, log)
    await log.device.sync()
    const head = headOf(log.device)
    await this.#anchors.store()
    const past = retired(log.record, log.signers, head.size)
    const next = freshSigning(log.record.origin, head.size, past, { mlDsa: file.settings.mlDsa, random })
    const signers = signersIn(next, () => clock.now())
    const text = checkpointText({ origin: next.origin, size: head.size, root: Buffer.from(head.root ?? '', 'base64') })
    const note = { text, signatures: [...log.signers, ...signers].map((signer) => signer.sign(text)) }
    const record = { ...next, unpublished: noteText(note) }
    // Here the old secret keys are gone.
    await view.put(signingName(path), record)
    const keys = signers.map(({ key }) => vkeyText(key))
    const state = log.device.state
    if (state) state.keys = keys
    Object.assign(log, { record, signers, note, signed: head.size, signedAt: clock.now() })
    this.#publishKeys(path)
    await this.#finishSwitch(path, log)
  }

  /** A change of keys that was stored is published, and the log tells of it. */
  async #finishSwitch(path: string, { record, signers, device }: SignedLog): Promise<void> {
    if (record.unpublished === undefined) return
    await this.#publishSwitch(path, record, record.unpublished)
    await device.note('keys', { keys: signers.map(({ key }) => vkeyText(key)), size: record.from })
  }

  /** A checkpoint of a change of keys must be in the file: without it nothing ties the new keys to the old ones. */
  async #publishSwitch(path: string, record: SigningRecord, text: string): Promise<void> {
    const log = this.#logs.get(path)
    if (!log) return
    await publish(log.device, text, record.from)
    const { unpublished: _, ...published } = record
    await this.#parts.view.put(signingName(path), published)
    log.record = published
  }

  /** Files that were closed: each gets a checkpoint of its last line, beside it. */
  async #closedFiles(path: string, log: SignedLog): Promise<void> {
    const files = log.device.files
    if (!files) return
    for (let closed = files.closed[0]; closed; closed = files.closed[0]) {
      if (closed.head.root !== undefined && closed.head.size > log.signed)
        await this.#sign(path, log, closed.head, closed.path)
      files.closed.shift()
      log.tidiedAt = -Infinity
    }
    if (log.tidiedAt === -Infinity) await this.#checkpoint(path, true)
    const now = this.#parts.clock.now()
    if (log.tidying || Math.abs(now - log.tidiedAt) < tidyEvery) return
    // Packing a file takes seconds: nobody waits for it.
    log.tidying = true
    log.tidiedAt = now
    tidyClosed(files.file, now)
      .then(async (removed) => (removed.length > 0 ? log.device.note('removed', { files: removed }) : undefined))
      .catch((thrown: unknown) => this.#complain(thrown))
      .finally(() => (log.tidying = false))
  }

  #publishKeys(path: string): void {
    const log = this.#logs.get(path)
    const file = log?.device.files?.file
    if (!log || !file) return
    log.keysPublished = false
    try {
      publishKeys(file.path, rangedKeys(log.record, log.signers))
      log.keysPublished = true
    } catch (thrown) {
      // A log without a line has no file yet; the next round tries again.
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') this.#complain(thrown)
    }
  }

  #complain(thrown: unknown): void {
    if (this.#complained || this.#closed) return
    this.#complained = true
    this.#parts.log.error('the audit log could not be anchored or signed; it is tried again', {
      reason: reasonOf(thrown),
    })
  }
}

const reasonOf = (thrown: unknown): string =>
  thrown instanceof Error ? ((thrown as NodeJS.ErrnoException).code ?? thrown.message) : 'unknown'
