import { isCount, isOneOf, shapeOf } from '../util/stored/shape.ts'
/** The record that every commit carries. */
export const commitName = 'core/commit'

/** The content of that record. */
export interface CommitRecord {
  readonly format: 1
  /** Of the commit that wrote it. Grows with every commit. */
  readonly number: number
}

/** The shape of that record. */
export const commitShape = shapeOf<CommitRecord>('a number of the newest commit', {
  format: isOneOf(1),
  number: isCount,
})

/** The record of a storage without commits. */
export const firstCommit: CommitRecord = { format: 1, number: 0 }

/**
 * Numbers the commits. Commits before `start` are not counted: until the storage has been verified to be the newest one,
 * its number must not grow, or an older storage would catch up by repeated unseals.
 */
export class CommitCount {
  #last = 0
  #newest = 0
  #found: number | undefined
  #counting = false

  /** The number that the storage had at unseal; undefined if the record does not exist. */
  get found(): number | undefined {
    return this.#found
  }

  /** The number of the newest commit that the storage has acknowledged. */
  get newest(): number {
    return this.#newest
  }

  /** Continues from the stored number. An earlier commit that is still in progress is never numbered again. */
  resume(record: CommitRecord | undefined): void {
    this.#found = record?.number
    this.#last = Math.max(this.#last, record?.number ?? 0)
    this.#newest = record?.number ?? 0
    this.#counting = false
  }

  /** The storage was restored: no commit of before can reach it, and it must not catch up with their number. */
  forget(): void {
    this.#last = 0
  }

  /** Commits are counted from now on. */
  start(): void {
    this.#counting = true
  }

  /** The record of the next commit. */
  next(): CommitRecord {
    if (this.#counting) this.#last++
    return { format: 1, number: this.#last }
  }

  /** The storage has acknowledged this commit. */
  acknowledged({ number }: CommitRecord): void {
    if (this.#counting && number > this.#newest) this.#newest = number
  }
}
