import { closeSync, constants, fsyncSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Clock, Timer } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import { checkpointFileOf, checkpointRecord, readCheckpoints } from '../checkpoints/checkpoint-file.ts'
import { cosignatureFileOf } from '../checkpoints/cosignature-file.ts'
import type { Note } from '../checkpoints/note.ts'
import type { WitnessPlace } from './client.ts'
import { WitnessClient, WitnessDisagrees } from './client.ts'
import { LogGrowth } from './growth.ts'

/** The interval between submissions to witnesses, milliseconds. */
export const witnessEvery = 30_000

export interface KeeperParts {
  readonly witnesses: readonly (WitnessPlace & { readonly name: string })[]
  /** The paths of live log files, now. */
  readonly files: () => readonly string[]
  readonly clock: Clock
  readonly log: Log
}

interface Progress {
  readonly client: WitnessClient
  readonly growth: LogGrowth
  size: number
  failed: boolean
}

/**
 * Shows the checkpoints that are published beside logs to witnesses, and keeps what these sign. A witness that cannot be
 * reached delays nothing; one that has seen something else is an alarm.
 */
export class WitnessKeeper {
  readonly #parts: KeeperParts
  readonly #progress = new Map<string, Progress>()
  #timer: Timer | undefined
  #round: Promise<void> | undefined

  constructor(parts: KeeperParts) {
    this.#parts = parts
  }

  /** From now on, every half minute. */
  start(): void {
    if (this.#parts.witnesses.length === 0) return
    this.#timer = this.#parts.clock.after(witnessEvery, () => {
      void this.round().then(() => this.#timer && this.start())
    })
  }

  /** Submits new checkpoints now; one round at a time. */
  async round(): Promise<void> {
    this.#round ??= this.#showAll(this.#parts.files()).finally(() => (this.#round = undefined))
    return this.#round
  }

  /** A last round when the logs are closed, so that witnesses have their ends; it ends after the time limits of the witnesses. */
  async stop(close: () => Promise<void>): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    const files = this.#parts.files()
    await close()
    await this.#round
    await this.#showAll(files)
    for (const { client } of this.#progress.values()) client.close()
  }

  async #showAll(files: readonly string[]): Promise<void> {
    if (this.#parts.witnesses.length === 0) return
    for (const file of files) {
      const newest = await newestIn(checkpointFileOf(file)).catch(() => undefined)
      if (!newest) continue
      await Promise.all(this.#parts.witnesses.map(async (place) => this.#show(file, newest, place)))
    }
  }

  async #show(file: string, newest: SignedCheckpoint, place: KeeperParts['witnesses'][number]): Promise<void> {
    const { origin, size } = newest.checkpoint
    const progress = this.#progressOf(place, file, origin)
    if (size <= progress.size) return
    const fields = { witness: place.name, log: origin }
    try {
      const note = await progress.client.cosigned(newest, async (old, end) => progress.growth.hashes(old, end))
      keep(file, note, place)
      progress.growth.proved()
      progress.size = size
      if (progress.failed) this.#parts.log.info('the witness signs again', fields)
      progress.failed = false
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : 'unknown'
      if (!progress.failed && thrown instanceof WitnessDisagrees)
        this.#parts.log.error('a witness has seen another audit log than this one: it was rolled back, or is a fork', {
          ...fields,
          reason,
        })
      else if (!progress.failed)
        this.#parts.log.warn('a witness did not sign a checkpoint; it is asked again', { ...fields, reason })
      progress.failed = true
    }
  }

  #progressOf(place: KeeperParts['witnesses'][number], file: string, origin: string): Progress {
    const name = `${place.name} ${file} ${origin}`
    const progress = this.#progress.get(name)
    if (progress) return progress
    const growth = new LogGrowth(file, origin.slice(origin.lastIndexOf('/') + 1))
    const made = { client: new WitnessClient(place), growth, size: 0, failed: false }
    this.#progress.set(name, made)
    return made
  }
}

const tailBytes = 64 * 1024

/** The last complete record of a checkpoint file, read from its end. */
async function newestIn(path: string): Promise<SignedCheckpoint | undefined> {
  const handle = await open(path, 'r')
  try {
    const { size } = await handle.stat()
    const bytes = Buffer.alloc(Math.min(size, tailBytes))
    await handle.read(bytes, 0, bytes.length, size - bytes.length)
    return readCheckpoints(bytes.toString('utf8')).findLast((one) => one !== undefined)
  } finally {
    await handle.close()
  }
}

const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW } = constants

/** Stores a cosigned checkpoint in place of the previous one of the same log and witness. */
function keep(file: string, note: Note, { key }: WitnessPlace): void {
  const path = cosignatureFileOf(file)
  const origin = note.text.split('\n')[0]
  const others = recordsIn(path).filter(
    (one) =>
      one.note.text.split('\n')[0] !== origin ||
      !one.note.signatures.some(({ name, id }) => name === key.name && id === key.id),
  )
  const text = [...others.map((one) => checkpointRecord(one.note)), checkpointRecord(note)].join('')
  const mode = statSync(file).mode & 0o640
  const fd = openSync(`${path}.tmp`, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(`${path}.tmp`, path)
}

/** The contents of an existing file. A file that cannot be read must not be overwritten. */
function recordsIn(path: string): readonly SignedCheckpoint[] {
  try {
    return readCheckpoints(readFileSync(path, 'utf8')).filter((one) => one !== undefined)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw thrown
  }
}
