import type { Change, Entry, Op, Read, Rev } from '../../contract/storage.ts'
import { BrokenRecord } from '../frame.ts'
import type { Coverage } from './coverage.ts'
import { nothing, sameSum, toggle } from './sums.ts'
import type { Elements, Sum } from './sums.ts'
import { Top, topKey } from './top.ts'

/** The parts of the sums that are stored. */
export interface ExpectedParts {
  readonly coverage: Coverage
  /** Distinguishes the buckets of this store from those that an earlier one may have left. */
  readonly store: string
  readonly seal: (place: string, value: Uint8Array) => Uint8Array
  /** @throws BrokenRecord */
  readonly open: (place: string, frame: Uint8Array) => Uint8Array
}

/** Many records whose sum is in a record of its own. */
interface Bucket {
  readonly sum: Sum
  /** The number of that stored record. */
  element: Uint8Array
}

/** Sums of a bucket in progress that have passed a key. */
type Passed = (bucket: string, key: string) => readonly Sum[]

/** The expected sums of the records: stored, and updated with every commit. */
export class ExpectedSums {
  /** Of the keys of the buckets' own records. */
  readonly prefix: string
  readonly #parts: ExpectedParts
  readonly #elements: Elements
  readonly #buckets = new Map<string, Bucket>()
  #top: Top | undefined

  constructor(parts: ExpectedParts, elements: Elements) {
    this.#parts = parts
    this.#elements = elements
    this.prefix = `d/${parts.store}/`
  }

  /** The sums of folders from now on; undefined: as they are stored. */
  begin(top: Top | undefined): void {
    this.#top = top
  }

  /** The storage may have written or not: everything is read again. */
  forget(): void {
    this.#top = undefined
    this.#buckets.clear()
  }

  /** Updates the sums for a commit. @returns the writes to store with it */
  follow(changes: Iterable<Change>, rev: Rev, read: Read, passed: Passed): readonly Op[] {
    const touched = new Map<string, Bucket>()
    let top: Top | undefined
    for (const change of changes) {
      const cover = this.#parts.coverage.of(change.key)
      if (cover.by === 'nothing') continue
      top ??= this.#top ??= this.readTop(read)
      const elements = this.#elementsOf(change, read)
      if (cover.by === 'folder') for (const element of elements) toggle(top.sumOf(cover.folder), element)
      else {
        const bucket = this.#bucket(cover.bucket, read)
        touched.set(cover.bucket, bucket)
        for (const sum of [bucket.sum, ...passed(cover.bucket, change.key)])
          for (const element of elements) toggle(sum, element)
      }
    }
    if (!top) return []
    const ops = [...touched].map(([name, bucket]) => this.#replace(top, name, bucket))
    return [...ops, { put: topKey, value: this.#parts.seal(topKey, top.bytes(rev)) }]
  }

  /** The sum that a bucket must have. */
  sumOf(bucket: string, read: Read): Sum {
    return this.#bucket(bucket, read).sum
  }

  /** The change that stores the sum of a bucket. */
  opOf(bucket: string, sum: Sum): Op {
    const key = this.prefix + bucket
    return sameSum(sum, nothing()) ? { del: key } : { put: key, value: this.#parts.seal(key, sum) }
  }

  /** The number of the record that such a change stores. */
  elementOf(op: Op): Uint8Array {
    return 'put' in op ? this.#elements.of({ key: op.put, value: op.value, rev: 0n }) : nothing()
  }

  /** A stored sum; that of no records if it is damaged. */
  stored({ key, value }: Entry): Sum {
    try {
      return Buffer.from(this.#parts.open(key, value))
    } catch (thrown) {
      if (thrown instanceof BrokenRecord) return nothing()
      throw thrown
    }
  }

  /** The stored sums of folders. @throws BrokenRecord */
  readTop(read: Read): Top {
    const entry = read(topKey)
    if (!entry) throw new BrokenRecord('the record of the digests does not exist')
    return Top.of(this.#parts.open(topKey, entry.value))
  }

  /** The values before and after. */
  #elementsOf({ key, value, rev }: Change, read: Read): readonly Uint8Array[] {
    const before = read(key)
    return [...(before ? [this.#elements.of(before)] : []), ...(value ? [this.#elements.of({ key, value, rev })] : [])]
  }

  #replace(top: Top, name: string, bucket: Bucket): Op {
    toggle(top.buckets, bucket.element)
    const op = this.opOf(name, bucket.sum)
    bucket.element = this.elementOf(op)
    toggle(top.buckets, bucket.element)
    return op
  }

  #bucket(name: string, read: Read): Bucket {
    const cached = this.#buckets.get(name)
    if (cached) return cached
    const key = this.prefix + name
    const entry = read(key)
    const bucket = entry
      ? { sum: Buffer.from(this.#parts.open(key, entry.value)), element: this.#elements.of({ ...entry, rev: 0n }) }
      : { sum: nothing(), element: nothing() }
    this.#buckets.set(name, bucket)
    return bucket
  }
}
