import { Fault } from '../contract/fault.ts'
import type { Closer, Expectation } from '../contract/storage.ts'
import type { Changed, Stored, Transaction, View } from '../contract/view.ts'
import { perObject } from '../util/caches/per-object.ts'
import type { Shape } from '../util/stored/shape.ts'
import type { Records } from './records.ts'

const tries = 64
const clearing = 100

/** Whether an object has a shape. The cache of records returns the same object until the record changes. */
const hasShape = perObject((shape: Shape<unknown>) => perObject((value: object): boolean => shape.is(value)))

/** A stored record, if it has its shape. @throws Fault internal, because a record of another shape must not be used */
function shaped<T>(value: unknown, shape: Shape<T> | undefined): T | undefined {
  if (value === undefined || !shape) return value as T | undefined
  const fits = typeof value === 'object' && value !== null ? hasShape(shape)(value) : shape.is(value)
  if (!fits)
    throw new Fault(
      'internal',
      `the storage has ${shape.about} that cannot be used: it is damaged, or of another release. Restore it from a backup.`,
    )
  return value as T
}

/** A folder of the barrier's records. */
export class BarrierView implements View {
  readonly #folder: string
  readonly #records: () => Records
  readonly #watches: Set<Closer> | undefined

  constructor(folder: string, records: () => Records, watches?: Set<Closer>) {
    this.#folder = folder
    this.#records = records
    this.#watches = watches
  }

  async get<T>(name: string, shape?: Shape<T>): Promise<T | undefined> {
    return shaped((await this.#records().get(this.#folder + name))?.value, shape)
  }

  async stored<T>(name: string, shape?: Shape<T>): Promise<Stored<T> | undefined> {
    const stored = await this.#records().get(this.#folder + name)
    shaped(stored?.value, shape)
    return stored as Stored<T> | undefined
  }

  async list(folder: string, page: { readonly after?: string; readonly limit?: number } = {}): Promise<string[]> {
    const names = await this.#records().list(this.#folder + folder)
    const { after, limit } = page
    const start =
      after === undefined ? 0 : names.findIndex((name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0)
    if (start < 0) return []
    return names.slice(start, limit === undefined ? undefined : start + limit)
  }

  async count(folder: string): Promise<number> {
    return this.#records().count(this.#folder + folder)
  }

  async put(name: string, value: unknown): Promise<void> {
    await this.#records().commit(new Map([[this.#folder + name, value]]), [])
  }

  async del(name: string): Promise<void> {
    await this.#records().commit(new Map([[this.#folder + name, undefined]]), [])
  }

  /**
   * See contract/view.ts. After a conflict, callers continue one at a time for each first record, because of many
   * concurrent callers only one wins a round. `work` must not begin another transaction, which could wait for this one.
   */
  async transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const first = await this.#attempt(work)
    if ('result' in first) return first.result
    return this.#records().inTurn(first.contended, async () => {
      for (let attempt = 1; attempt < tries; attempt++) {
        const next = await this.#attempt(work)
        if ('result' in next) return next.result
      }
      throw new Fault('unavailable', 'too many others were changing the same records; try again')
    })
  }

  async #attempt<T>(
    work: (tx: Transaction) => Promise<T>,
  ): Promise<{ readonly result: T } | { readonly contended: string }> {
    const records = this.#records()
    const tx = new BarrierTransaction(this.#folder, records, await records.rev())
    const done = await work(tx).then(
      (result) => ({ result }),
      async (thrown: unknown) => {
        // Records that were read before and after a commit may contradict each other, though each is correct.
        if (await tx.isOutdated().catch(() => false)) return undefined
        throw thrown
      },
    )
    return done && (await tx.commit()) ? done : { contended: tx.contended }
  }

  async clear(folder: string): Promise<void> {
    for (;;) {
      const keys = await this.#records().keysBelow(this.#folder + folder, clearing)
      if (keys.length === 0) return
      await this.#records().removeKeys(keys)
    }
  }

  watch(folder: string, changed: Changed): Closer {
    const watch = this.#records().watch(this.#folder + folder, changed)
    this.#watches?.add(watch)
    return watch
  }

  under(folder: string, watches = this.#watches): View {
    return new BarrierView(this.#folder + folder, this.#records, watches)
  }
}

class BarrierTransaction implements Transaction {
  readonly #folder: string
  readonly #records: Records
  readonly #began: bigint
  readonly #expect = new Map<string, Expectation>()
  readonly #changes = new Map<string, unknown>()

  constructor(folder: string, records: Records, began: bigint) {
    this.#folder = folder
    this.#records = records
    this.#began = began
  }

  async get<T>(name: string, shape?: Shape<T>): Promise<T | undefined> {
    const full = this.#folder + name
    if (this.#changes.has(full)) return shaped(this.#changes.get(full), shape)
    const stored = await this.#records.get(full)
    const key = this.#records.place(full)
    if (!this.#expect.has(full)) this.#expect.set(full, { key, rev: stored?.rev ?? 0n })
    return shaped(stored?.value, shape)
  }

  put(name: string, value: unknown): void {
    this.#changes.set(this.#folder + name, value)
  }

  del(name: string): void {
    this.#changes.set(this.#folder + name, undefined)
  }

  unchanged(folder: string): void {
    const full = this.#folder + folder
    this.#expect.set(full, { prefix: this.#records.place(full), unchangedSince: this.#began })
  }

  /** The record that other transactions of the same kind are likely to read first as well. */
  get contended(): string {
    return this.#expect.keys().next().value ?? ''
  }

  /** Whether a record that it read has changed since. */
  async isOutdated(): Promise<boolean> {
    for (const [name, expected] of this.#expect)
      if ('key' in expected && ((await this.#records.get(name))?.rev ?? 0n) !== expected.rev) return true
    return false
  }

  async commit(): Promise<boolean> {
    if (this.#changes.size === 0) return true
    return this.#records.commit(this.#changes, [...this.#expect.values()])
  }
}
