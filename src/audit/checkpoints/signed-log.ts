import type { View } from '../../contract/view.ts'
import type { Clock } from '../../util/clock.ts'
import type { DeviceLog } from '../device-log.ts'
import { headOf } from '../log/anchors.ts'
import type { Anchors } from '../log/anchors.ts'
import { tidyClosed } from '../log/retention.ts'
import type { Head } from '../log/state.ts'
import { checkpointFileOf, cutHalfRecord } from './checkpoint-file.ts'
import { checkpointText } from './checkpoint.ts'
import type { NoteSigner } from './note-keys.ts'
import { noteText } from './note.ts'
import type { Note } from './note.ts'
import { publish } from './publish.ts'
import { freshSigning, publishKeys, rangedKeys, retired, signersIn, signingName, signingShape } from './stored-keys.ts'
import type { SigningRecord } from './stored-keys.ts'
import { vkeyText } from './verifier-key.ts'

/** A checkpoint is due after so many lines, or so many milliseconds after a line that none covers. */
export const checkpointLines = 1000
export const checkpointEvery = 10_000
/** The time without lines after which a log gets a heartbeat line, milliseconds. */
export const heartbeatEvery = 3_600_000
/** The interval for processing closed files if none was closed, milliseconds. */
const tidyEvery = 60_000

/** The dependencies of a signed log. */
export interface SignedLogParts {
  /** The audit folder of the barrier. */
  readonly view: View
  readonly clock: Clock
  readonly random: (bytes: number) => Uint8Array
  readonly anchors: Anchors
  /** Called with failures in the background. */
  readonly failed: (thrown: unknown) => void
}

/** The log of one device, with its signing keys. Its methods are called one at a time. */
export class SignedLog {
  readonly device: DeviceLog
  readonly #parts: SignedLogParts
  #record: SigningRecord
  #signers: readonly NoteSigner[]
  #note: Note | undefined
  /** The size of the newest checkpoint, and its time. */
  #signed: number
  #signedAt = -Infinity
  /** When a line was written last. */
  #size: number
  #sizeAt: number
  /** Whether the key file has the present keys. */
  #keysPublished = false
  /** When closed files were processed last, and whether they are being processed. */
  #tidiedAt = -Infinity
  #tidying = false
  #closed = false

  private constructor(parts: SignedLogParts, device: DeviceLog, record: SigningRecord, size: number) {
    this.#parts = parts
    this.device = device
    this.#record = record
    this.#signers = signersIn(record, () => parts.clock.now())
    // Lines before `from` are for the keys before these to sign, and they did.
    this.#signed = record.from - 1
    this.#size = size
    this.#sizeAt = parts.clock.now()
  }

  /** Undefined if the device has no file. It must be complete: its tree must be known. */
  static async open(parts: SignedLogParts, device: DeviceLog): Promise<SignedLog | undefined> {
    const { view, random } = parts
    const { path } = device.spec
    const { state } = device
    const file = device.files?.file
    if (!state || !file) return undefined
    const stored = await view.get(signingName(path), signingShape)
    const resumed = stored?.origin === state.origin ? stored : undefined
    const record = resumed ?? freshSigning(state.origin, 0, [], { mlDsa: file.settings.mlDsa, random })
    if (!resumed) await view.put(signingName(path), record)
    const log = new SignedLog(parts, device, record, state.size)
    state.keys = log.#vkeys()
    return log
  }

  get origin(): string {
    return this.#record.origin
  }

  /** The newest checkpoint; undefined while there is none. */
  get note(): Note | undefined {
    return this.#note
  }

  /** The lines that no checkpoint covers. */
  get unsigned(): number {
    return (this.device.state?.size ?? 0) - this.#signed
  }

  /** The keys as lines of the key file. */
  keys() {
    return rangedKeys(this.#record, this.#signers)
  }

  /** Publishes pending checkpoints of an earlier process, and applies the settings of the device. */
  async begin(): Promise<void> {
    const file = this.device.files?.file
    if (!file) return
    await cutHalfRecord(checkpointFileOf(file.path))
    this.#publishKeys()
    if (this.#record.unpublished !== undefined) await this.#publishSwitch(this.#record.unpublished)
    if ((this.#record.mlDsa44 !== undefined) !== file.settings.mlDsa) await this.rotateKeys()
  }

  /** No checkpoints any more. */
  close(): void {
    this.#closed = true
  }

  /** Everything that is due now. */
  async round(): Promise<void> {
    const now = this.#parts.clock.now()
    const size = this.device.state?.size ?? 0
    if (size !== this.#size) {
      this.#size = size
      this.#sizeAt = now
    } else if (size > 0 && Math.abs(now - this.#sizeAt) >= heartbeatEvery) await this.device.note('heartbeat')
    if (!this.#keysPublished) this.#publishKeys()
    await this.#finishSwitch()
    await this.#closedFiles()
    await this.#checkpointIfDue()
  }

  /** Signs and publishes a checkpoint if any line is not covered by one. */
  async checkpoint(): Promise<void> {
    if (this.#covered() || this.#closed) return
    await this.#sign(headOf(this.device))
  }

  async #checkpointIfDue(): Promise<void> {
    if (this.#covered()) return
    const late = Math.abs(this.#parts.clock.now() - this.#signedAt) >= checkpointEvery
    if (late || this.unsigned >= checkpointLines) await this.checkpoint()
  }

  /** Whether the newest checkpoint covers every line. If so, its time is updated. */
  #covered(): boolean {
    if (headOf(this.device).size !== this.#signed) return false
    this.#signedAt = this.#parts.clock.now()
    return true
  }

  /** Lines on disk, then the storage, then the checkpoint file. */
  async #sign(head: Head, beside?: string): Promise<void> {
    const { anchors, clock } = this.#parts
    await this.device.sync()
    if (!anchors.has(this.device.spec.path, head)) await anchors.store()
    const note = signedNote(this.#record.origin, head, this.#signers)
    await publish(this.device, noteText(note), head.size, beside)
    if (head.size < this.#signed) return
    this.#note = note
    this.#signed = head.size
    this.#signedAt = clock.now()
  }

  /** New signing keys. One checkpoint is signed by the old and the new ones; then the old ones are destroyed. */
  async rotateKeys(): Promise<void> {
    const file = this.device.files?.file
    if (!file) return
    const { view, clock, random, anchors } = this.#parts
    // The link from the old keys to the new ones must not be lost with this change.
    await this.#finishSwitch()
    await this.device.sync()
    const head = headOf(this.device)
    await anchors.store()
    const past = retired(this.#record, this.#signers, head.size)
    const next = freshSigning(this.#record.origin, head.size, past, { mlDsa: file.settings.mlDsa, random })
    const signers = signersIn(next, () => clock.now())
    const note = signedNote(next.origin, head, [...this.#signers, ...signers])
    const record = { ...next, unpublished: noteText(note) }
    // From here on the old private keys no longer exist.
    await view.put(signingName(this.device.spec.path), record)
    this.#record = record
    this.#signers = signers
    this.#note = note
    this.#signed = head.size
    this.#signedAt = clock.now()
    if (this.device.state) this.device.state.keys = this.#vkeys()
    this.#publishKeys()
    await this.#finishSwitch()
  }

  /** Publishes a stored change of keys, and records it in the log. */
  async #finishSwitch(): Promise<void> {
    const { unpublished, from: size } = this.#record
    if (unpublished === undefined) return
    await this.#publishSwitch(unpublished)
    await this.device.note('keys', { keys: this.#vkeys(), size })
  }

  /** A checkpoint of a change of keys must be in the file: without it there is no link from the old keys to the new ones. */
  async #publishSwitch(text: string): Promise<void> {
    await publish(this.device, text, this.#record.from)
    const { unpublished: _, ...published } = this.#record
    await this.#parts.view.put(signingName(this.device.spec.path), published)
    this.#record = published
  }

  /** Closed files: each gets a checkpoint of its last line, beside it. */
  async #closedFiles(): Promise<void> {
    const { files } = this.device
    if (!files) return
    for (let closed = files.closed[0]; closed; closed = files.closed[0]) {
      if (closed.head.root !== undefined && closed.head.size > this.#signed) await this.#sign(closed.head, closed.path)
      files.closed.shift()
      this.#tidiedAt = -Infinity
    }
    if (this.#tidiedAt === -Infinity) await this.checkpoint()
    const now = this.#parts.clock.now()
    if (this.#tidying || Math.abs(now - this.#tidiedAt) < tidyEvery) return
    // Compressing a file takes seconds: no request waits for it.
    this.#tidying = true
    this.#tidiedAt = now
    tidyClosed(files.file, now)
      .then(async (removed) => (removed.length > 0 ? this.device.note('removed', { files: removed }) : undefined))
      .catch(this.#parts.failed)
      .finally(() => (this.#tidying = false))
  }

  #publishKeys(): void {
    const file = this.device.files?.file
    if (!file) return
    this.#keysPublished = false
    try {
      publishKeys(file.path, this.keys())
      this.#keysPublished = true
    } catch (thrown) {
      // A log without a line has no file yet; the next round tries again.
      if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') this.#parts.failed(thrown)
    }
  }

  #vkeys(): string[] {
    return this.#signers.map(({ key }) => vkeyText(key))
  }
}

function signedNote(origin: string, head: Head, signers: readonly NoteSigner[]): Note {
  const text = checkpointText({ origin, size: head.size, root: Buffer.from(head.root ?? '', 'base64') })
  return { text, signatures: signers.map((signer) => signer.sign(text)) }
}
