import { Fault, refuse } from '../../../contract/fault.ts'
import type { Transaction } from '../../../contract/view.ts'
import { placeOf, scheduledConfig, urlOf } from './config.ts'
import type { ScheduledConfig } from './config.ts'
import { ScheduledRuns } from './runs.ts'
import type { Attempt, RunParts } from './runs.ts'
import { changedConfig } from './settings.ts'
import type { ScheduledFields } from './settings.ts'
import { lastGood, nextOf, scheduledState } from './state.ts'
import type { ScheduledState } from './state.ts'

/** What became of the snapshots of one configuration, and what comes next. Times are epoch milliseconds. */
export interface ScheduledStatus {
  readonly state: ScheduledState | undefined
  readonly next: number
  /** The one that is being made now. */
  readonly attempt: Attempt | undefined
  /** The address of the last good one; empty: none. */
  readonly url: string
}

/** What is measured of one configuration. */
export interface ScheduledMeasure {
  readonly config: string
  /** Milliseconds since the last good one was begun, or since the configuration was made. */
  readonly age: number
  readonly interval: number
  readonly state: ScheduledState | undefined
  /** Attempts that failed since the process began. */
  readonly failures: number
  readonly maxSpace: number | undefined
}

const most = 100
/** How long a seal waits for one to break off, milliseconds: a folder whose server is away may hang for ever. */
const patience = 2000

/** The snapshots that a server makes by itself: their configurations, and what became of them. */
export class ScheduledSnapshots {
  readonly #parts: RunParts
  readonly #failures = new Map<string, number>()
  #runs: ScheduledRuns | undefined
  #before: Promise<void> = Promise.resolve()

  constructor(parts: RunParts) {
    this.#parts = parts
  }

  /** After the unseal, in the process that owns the storage. */
  start(): void {
    this.#runs = new ScheduledRuns(this.#parts, this.#failures, this.#before)
  }

  /** Before the seal. */
  async stop(): Promise<void> {
    if (!this.#runs) return
    const over = (this.#before = this.#runs.stop())
    this.#runs = undefined
    await new Promise<void>((resolve) => {
      const timer = this.#parts.clock.after(patience, resolve)
      void over.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }

  async names(): Promise<readonly string[]> {
    return this.#parts.view.list('config/')
  }

  /** @throws Fault not_found */
  async get(name: string): Promise<ScheduledConfig> {
    const found = await this.#parts.view.get(`config/${name}`, scheduledConfig)
    if (!found) throw new Fault('not_found', 'there is no such configuration')
    return found
  }

  /** Creates or changes one. @throws Fault invalid_request */
  async write(name: string, given: ScheduledFields): Promise<void> {
    const { view, root, clock } = this.#parts
    await view.transaction(async (tx) => {
      const before = await tx.get(`config/${name}`, scheduledConfig)
      const config = await changedConfig(given, before, { root, now: clock.now() })
      await this.#refuseShared(tx, name, config)
      tx.put(`config/${name}`, config)
    })
  }

  /** The snapshots stay. */
  async remove(name: string): Promise<void> {
    await this.#parts.view.transaction(async (tx) => {
      tx.del(`config/${name}`)
      tx.del(`state/${name}`)
    })
    this.#runs?.forget(name)
  }

  /** @throws Fault not_found */
  async status(name: string): Promise<ScheduledStatus> {
    const config = await this.get(name)
    const state = await this.#stateOf(name)
    const attempt = this.#runs?.attempt
    return {
      state,
      next: nextOf(config, state, this.#parts.clock.now()),
      attempt: attempt?.config === name ? attempt : undefined,
      url: state?.good && state.place === placeOf(config) ? urlOf(config, state.good.name) : '',
    }
  }

  /** While unsealed. One whose record is damaged is left out. */
  async measure(): Promise<readonly ScheduledMeasure[]> {
    const measured = (await this.names()).map(async (name) => this.#measureOf(name).catch(() => []))
    return (await Promise.all(measured)).flat()
  }

  async #measureOf(name: string): Promise<readonly ScheduledMeasure[]> {
    const { view, clock } = this.#parts
    const config = await view.get(`config/${name}`, scheduledConfig)
    const state = await this.#stateOf(name)
    if (!config) return []
    const now = clock.now()
    const age = Math.max(0, now - lastGood(config, state, now))
    const [interval, failures, maxSpace] = [config.interval * 1000, this.#failures.get(name) ?? 0, config.local?.maxSpace] // prettier-ignore
    return [{ config: name, age, interval, state, failures, maxSpace }]
  }

  async #stateOf(name: string): Promise<ScheduledState | undefined> {
    return this.#runs ? this.#runs.state(name) : this.#parts.view.get(`state/${name}`, scheduledState)
  }

  /** Two in one place would count each other's names as taken, and nobody could tell whose is whose. */
  async #refuseShared(tx: Transaction, name: string, config: ScheduledConfig): Promise<void> {
    tx.unchanged('config/')
    const names = await this.names()
    if (names.length >= most && !names.includes(name))
      throw refuse(`there are ${most} configurations, which is the most`)
    for (const other of names) {
      const there = other === name ? undefined : await tx.get(`config/${other}`, scheduledConfig)
      if (there && placeOf(there) === placeOf(config))
        throw refuse(`the configuration ${other} has the same path_prefix and file_prefix: each needs its own`)
    }
  }
}
