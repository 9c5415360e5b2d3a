import { FolderStore } from '../../../backups/folder-store.ts'
import { S3Store } from '../../../backups/s3/s3-store.ts'
import { BackupError } from '../../../backups/store.ts'
import type { BackupStore } from '../../../backups/store.ts'
import { asFault } from '../../../contract/fault.ts'
import type { View } from '../../../contract/view.ts'
import { rfc3339 } from '../../../util/clock.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import { Schedule } from '../../schedule.ts'
import { whyOf } from '../../telemetry/events.ts'
import type { Events } from '../../telemetry/events.ts'
import { isOwnName, mostKept, nameOf, placeOf, scheduledConfig, urlOf } from './config.ts'
import type { ScheduledConfig } from './config.ts'
import { makeBackup } from './make.ts'
import type { SnapshotMaker } from './make.ts'
import { nextOf, scheduledState } from './state.ts'
import type { ScheduledState } from './state.ts'

export interface RunParts {
  /** `config/<name>` and `state/<name>`. */
  readonly view: View
  readonly snapshots: SnapshotMaker
  readonly clock: Clock
  readonly log: Log
  readonly events: Events
  readonly cluster: () => { readonly id: string } | undefined
  /** The folder of the configuration file; undefined: none. */
  readonly root: string | undefined
}

/** A snapshot that is being made. */
export interface Attempt {
  readonly config: string
  /** Epoch milliseconds. */
  readonly started: number
  readonly url: string
}

/** How often it looks what is due, milliseconds. */
const look = 10_000
/** Makes the scheduled snapshots from an unseal to the seal, one at a time. */
export class ScheduledRuns {
  readonly #parts: RunParts
  readonly #failures: Map<string, number>
  /** What could not be stored. Without it a storage that takes no writes would get a new backup at every look, which nothing removes. */
  readonly #unstored = new Map<string, ScheduledState>()
  readonly #schedule: Schedule
  readonly #ended = new AbortController()
  #turn: Promise<unknown>
  #attempt: Attempt | undefined

  /**
   * @param failures attempts that failed since the process began, by configuration
   * @param before the end of those of the unseal before, which a seal may not have waited for
   */
  constructor(parts: RunParts, failures: Map<string, number>, before: Promise<unknown>) {
    this.#parts = parts
    this.#failures = failures
    this.#turn = before
    const run = async (): Promise<void> => {
      await before
      await (this.#turn = this.#run())
    }
    this.#schedule = new Schedule(parts.clock, parts.log, [{ name: 'scheduled snapshots', every: look, run }])
  }

  get attempt(): Attempt | undefined {
    return this.#attempt
  }

  /** What became of those of a configuration. */
  async state(name: string): Promise<ScheduledState | undefined> {
    return this.#unstored.get(name) ?? this.#parts.view.get(`state/${name}`, scheduledState)
  }

  /** The configuration was removed. */
  forget(name: string): void {
    this.#unstored.delete(name)
  }

  /** Breaks off what is being made: it is made up after the next unseal. Resolves once that is over. */
  async stop(): Promise<void> {
    this.#schedule.stop()
    this.#ended.abort()
    await this.#turn.catch(() => {})
  }

  async #run(): Promise<void> {
    const { view } = this.#parts
    for (const [name, state] of this.#unstored) await this.#store(name, state)
    const problems: unknown[] = []
    for (const name of await view.list('config/')) {
      if (this.#ended.signal.aborted) return
      // A damaged record must not stop the others.
      await this.#makeIfDue(name).catch((thrown: unknown) => problems.push(thrown))
    }
    if (problems.length > 0) throw problems[0]
  }

  async #makeIfDue(name: string): Promise<void> {
    const { view, clock } = this.#parts
    const config = await view.get(`config/${name}`, scheduledConfig)
    const state = await this.state(name)
    if (this.#ended.signal.aborted || !config) return
    const now = clock.now()
    if (nextOf(config, state, now) <= now) await this.#make(name, config, state)
  }

  async #make(name: string, config: ScheduledConfig, state: ScheduledState | undefined): Promise<void> {
    const started = this.#parts.clock.now()
    const file = nameOf(config, started)
    this.#attempt = { config: name, started, url: urlOf(config, file) }
    try {
      const done = await this.#saved(name, config, state, file)
      await this.#removeOld(name, config, done)
    } catch (thrown) {
      if (!this.#ended.signal.aborted) await this.#failed(name, config, state, thrown)
    } finally {
      this.#attempt = undefined
    }
  }

  async #saved(name: string, config: ScheduledConfig, state: ScheduledState | undefined, file: string) {
    const { snapshots, clock, events } = this.#parts
    const started = clock.now()
    const place = placeOf(config)
    const kept = state?.place === place ? state.kept : []
    const used = kept.reduce((sum, { size }) => sum + size, 0)
    const made = await makeBackup({
      snapshots,
      store: this.#storeOf(name, config),
      name: file,
      about: { config: name },
      recipients: config.recipients,
      signal: this.#ended.signal,
      ...(config.local?.maxSpace !== undefined && { most: config.local.maxSpace - used }),
    })
    const good = { name: file, ...made, at: started }
    const ended = clock.now()
    const done = { place, kept: [...kept, good], good, took: ended - started, started, ended, why: '', failures: 0 }
    await this.#store(name, done)
    const { size: bytes, sha256 } = made
    events.tell('backup_done', { config: name, file, bytes, sha256, milliseconds: done.took })
    return done
  }

  async #failed(
    name: string,
    config: ScheduledConfig,
    state: ScheduledState | undefined,
    thrown: unknown,
  ): Promise<void> {
    const { clock, events } = this.#parts
    const at = this.#attempt?.started ?? clock.now()
    const place = placeOf(config)
    const failed: ScheduledState = {
      ...(state?.good && { good: state.good }),
      place,
      kept: state?.place === place ? state.kept : [],
      took: state?.took ?? 0,
      started: at,
      ended: clock.now(),
      why: thrown instanceof BackupError ? thrown.message : asFault(thrown).message,
      failures: (state?.failures ?? 0) + 1,
    }
    this.#failures.set(name, (this.#failures.get(name) ?? 0) + 1)
    const next = rfc3339(nextOf(config, failed, failed.ended))
    events.tell('backup_failed', { config: name, why: whyOf(thrown), failures: failed.failures, next })
    await this.#store(name, failed)
  }

  /** Only what this server made, and has its name, is ever removed, and only once there is a newer good one. */
  async #removeOld(name: string, config: ScheduledConfig, state: ScheduledState): Promise<void> {
    const gone = new Set<string>()
    const store = this.#storeOf(name, config)
    for (const { name: file } of state.kept.slice(0, -config.retain)) {
      try {
        if (isOwnName(config, file)) await store.remove(file)
        gone.add(file)
      } catch (thrown) {
        this.#parts.events.tell('backup_not_removed', { config: name, file, why: whyOf(thrown) })
      }
    }
    // A store that keeps everything must not make the record grow for ever.
    const kept = state.kept.filter(({ name: file }) => !gone.has(file)).slice(-2 * mostKept)
    if (kept.length < state.kept.length) await this.#store(name, { ...state, kept })
  }

  /** Unless the configuration was removed meanwhile. What cannot be stored counts all the same, and is stored later. */
  async #store(name: string, state: ScheduledState): Promise<void> {
    const { view, log } = this.#parts
    try {
      await view.transaction(async (tx) => {
        if (await tx.get(`config/${name}`, scheduledConfig)) tx.put(`state/${name}`, state)
      })
      this.#unstored.delete(name)
    } catch {
      const isTold = this.#unstored.get(name) === state || this.#ended.signal.aborted
      this.#unstored.set(name, state)
      if (!isTold) log.warn('what became of a scheduled snapshot cannot be stored now', { config: name })
    }
  }

  #storeOf(name: string, { local, s3 }: ScheduledConfig): BackupStore {
    const { clock, root, cluster } = this.#parts
    const { signal } = this.#ended
    if (s3) return new S3Store(s3, s3.folder, clock, signal)
    if (root === undefined) throw new BackupError('the configuration file of the server has no backup_folder any more')
    // Its own for each cluster: several servers may share a folder.
    const unfinished = `.${cluster()?.id ?? 'server'}-${name}.part`
    return new FolderStore({ root, below: local?.below ?? '', unfinished, signal })
  }
}
