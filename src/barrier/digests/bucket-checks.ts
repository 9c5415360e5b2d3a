import { Fault } from '../../contract/fault.ts'
import type { Entry } from '../../contract/storage.ts'
import type { Log } from '../../util/log.ts'
import type { Coverage } from './coverage.ts'
import type { ExpectedSums } from './expected.ts'
import { nothing, sameSum, toggle } from './sums.ts'
import type { Elements, Sum } from './sums.ts'
import { behindPiece } from './survey.ts'
import type { ReadPiece } from './survey.ts'

/** The parts of the checks of buckets. */
export interface BucketCheckParts {
  readonly coverage: Coverage
  readonly elements: Elements
  readonly expected: ExpectedSums
  readonly piece: ReadPiece
  readonly isClosed: () => boolean
  readonly log: Log
}

/** A bucket that is being summed: its records after `cursor` are still to be read. */
interface Count {
  readonly bucket: string
  readonly sum: Sum
  cursor: string
  stale: boolean
}

/** Adds up the records of a bucket before the first read from it, or in a sweep, and compares with the sum that it must have. */
export class BucketChecks {
  readonly #parts: BucketCheckParts
  readonly #checked = new Map<string, true | Promise<void>>()
  readonly #counts = new Set<Count>()
  /** Buckets that existed at unseal and have not been checked since. */
  readonly #unchecked = new Set<string>()

  constructor(parts: BucketCheckParts) {
    this.#parts = parts
  }

  /** Buckets that existed at unseal. */
  begin(buckets: Iterable<string>): void {
    for (const bucket of buckets) this.#unchecked.add(bucket)
  }

  /** Restarts sums in progress: records that they have passed may have changed. */
  restart(): void {
    for (const count of this.#counts) count.stale = true
  }

  /** Sums in progress that have passed a key: they must include a change of it. */
  passed(bucket: string, key: string): readonly Sum[] {
    return [...this.#counts].filter((count) => count.bucket === bucket && key <= count.cursor).map(({ sum }) => sum)
  }

  /** Undefined if the bucket was already checked. @throws Fault internal if its records do not match their digest */
  verified(bucket: string): Promise<void> | undefined {
    const check = this.#checked.get(bucket)
    if (check !== undefined) return check === true ? undefined : check
    const checking = this.#check(bucket)
    this.#checked.set(bucket, checking)
    checking.catch(() => {})
    return checking
  }

  /** Waits until no record that existed at unseal can be missing below a folder. @throws Fault internal */
  async complete(folder: string): Promise<void> {
    for (const bucket of this.#unchecked)
      if (bucket.startsWith(folder) || folder.startsWith(bucket)) await this.verified(bucket)
  }

  /** Checks all buckets, one after the other, until the store is closed. Damage is logged. */
  async sweep(): Promise<void> {
    for (const bucket of this.#unchecked) {
      if (this.#parts.isClosed()) return
      await this.verified(bucket)?.catch(() => {})
    }
  }

  async #check(bucket: string): Promise<void> {
    let right: boolean | undefined
    try {
      while (right === undefined) right = await this.#isRight(bucket)
    } catch (thrown) {
      this.#checked.delete(bucket)
      throw thrown
    }
    if (!right) throw this.#damaged(bucket)
    this.#checked.set(bucket, true)
    this.#unchecked.delete(bucket)
  }

  #damaged(bucket: string): Fault {
    const folder = this.#parts.coverage.folderOf(bucket)
    const message = 'stored records were removed or put back outside strongroom: they are not used; restore a backup'
    this.#parts.log.error(message, { folder })
    return new Fault(
      'internal',
      'stored records were removed, changed or put back outside strongroom; restore them from a backup',
    )
  }

  /** Undefined if a concurrent change requires another attempt. */
  async #isRight(bucket: string): Promise<boolean | undefined> {
    const count: Count = { bucket, sum: nothing(), cursor: bucket, stale: false }
    this.#counts.add(count)
    let right: boolean | undefined
    try {
      while (right === undefined && !count.stale) right = await this.#addPiece(count)
    } finally {
      this.#counts.delete(count)
    }
    return count.stale ? undefined : right
  }

  /** Adds the next part of a bucket. After the last one: whether the sum is correct. */
  async #addPiece(count: Count): Promise<boolean | undefined> {
    const { bucket, sum } = count
    const { elements, expected, piece: readPiece } = this.#parts
    let right: boolean | undefined
    const also = [expected.prefix + bucket]
    await readPiece({ prefix: bucket, from: count.cursor, also }, (piece) => {
      for (const entry of piece.entries) if (this.#isIn(bucket, entry)) toggle(sum, elements.of(entry))
      count.cursor = behindPiece(piece) ?? count.cursor
      if (!piece.more) right = sameSum(sum, expected.sumOf(bucket, piece.read))
    })
    return right
  }

  #isIn(bucket: string, { key }: Entry): boolean {
    const cover = this.#parts.coverage.of(key)
    return cover.by === 'bucket' && cover.bucket === bucket
  }
}
