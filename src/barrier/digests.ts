import { hash } from 'node:crypto'
import { Fault } from '../contract/fault.ts'
import type { AcceptedDamage } from '../contract/barrier.ts'
import type { Change, Closer, Companion, Entry, Op, Piece, Read, Rev, Storage } from '../contract/storage.ts'
import { sameText } from '../util/bytes.ts'
import type { Log } from '../util/log.ts'
import type { Coverage } from './coverage.ts'
import { BrokenRecord } from './frame.ts'
import { Elements, nothing, sameSum, toggle } from './sums.ts'
import type { Sum } from './sums.ts'
import { behindPiece, damaged, survey } from './survey.ts'
import type { Damage, Found, PieceRange, SurveyParts } from './survey.ts'
import { Top, topKey } from './top.ts'

export interface DigestParts {
  readonly storage: Pick<Storage, 'entries' | 'commit' | 'rev' | 'watch'>
  readonly coverage: Coverage
  /** 32 bytes, this object's own. */
  readonly key: Uint8Array
  /** Tells the buckets of this store from what an earlier one may have left. */
  readonly store: string
  readonly seal: (place: string, value: Uint8Array) => Uint8Array
  /** @throws BrokenRecord */
  readonly open: (place: string, frame: Uint8Array) => Uint8Array
  readonly log: Log
}

/** Many records whose sum is a stored record of its own. */
interface Bucket {
  readonly sum: Sum
  /** The number of that stored record. */
  element: Uint8Array
}

/** A bucket that is being added up: what lies behind `cursor` is still to come. */
interface Count {
  readonly bucket: string
  readonly sum: Sum
  cursor: string
  stale: boolean
}

const pieceSize = 500

/**
 * Notices records that were removed, put back or doubled outside strongroom. The records of a folder (or of a bucket of a
 * large one) have a sum that changes in the same commit as they do. The sums of folders lie in one record, the top; those
 * of buckets in records of their own, whose sum is in the top. Only ciphertext is needed to add up.
 *
 * - At unseal `check` adds up all folders, and the buckets' own records. A bucket is added up before the first read from it
 *   (`trusted`), or by `sweep`.
 * - Honest changes keep the difference between what is there and what should be: a bucket may be written before it was checked.
 */
export class Digests {
  readonly #parts: DigestParts
  readonly #elements: Elements
  readonly #prefix: string
  readonly #surveyed: SurveyParts
  readonly #watch: Closer
  readonly #buckets = new Map<string, Bucket>()
  readonly #checked = new Map<string, true | Promise<void>>()
  readonly #counts = new Set<Count>()
  /** Buckets that were there at unseal and have not been checked since. */
  readonly #unchecked = new Set<string>()
  #top: Top | undefined
  #closed = false

  constructor(parts: DigestParts) {
    this.#parts = parts
    this.#elements = new Elements(parts.key)
    this.#prefix = `d/${parts.store}/`
    this.#surveyed = {
      coverage: parts.coverage,
      elements: this.#elements,
      prefix: this.#prefix,
      piece: async (range, visit) => this.#piece(range, visit),
    }
    this.#watch = parts.storage.watch(0n, { changed: () => {}, reset: () => this.#forget() })
  }

  close(): void {
    this.#closed = true
    this.#watch.close()
    this.#elements.wipe()
  }

  /** Of a store in which there is nothing yet. */
  begin(): void {
    this.#top = new Top()
  }

  /** Brings the sums along with every commit. */
  readonly companion: Companion = (changes, rev, read) => {
    try {
      return this.#follow(changes, rev, read)
    } catch (thrown) {
      this.#forget()
      throw thrown
    }
  }

  /** Nothing to wait for when the record needs no check, or its bucket was checked. @throws Fault internal */
  trusted(key: string): Promise<void> | undefined {
    const cover = this.#parts.coverage.of(key)
    return cover.by === 'bucket' ? this.#sure(cover.bucket) : undefined
  }

  /** Waits until no record that was there at unseal can be missing below a folder. @throws Fault internal */
  async complete(folder: string): Promise<void> {
    for (const bucket of this.#unchecked)
      if (bucket.startsWith(folder) || folder.startsWith(bucket)) await this.#sure(bucket)
  }

  /** Checks all buckets, one after the other, until the store is closed. What is wrong is logged. */
  async sweep(): Promise<void> {
    for (const bucket of this.#unchecked) {
      if (this.#closed) return
      await this.#sure(bucket)?.catch(() => {})
    }
  }

  /**
   * To be called before anything is read or written.
   * @param accept `check` or a code: then the buckets are added up, too, and damage that the code is of is taken as it is.
   * @returns the damage that was accepted
   * @throws Fault precondition_failed with the code of the damage
   */
  async check(accept?: string): Promise<AcceptedDamage | undefined> {
    const found = await survey(this.#surveyed, accept !== undefined)
    const stored = await this.#stored()
    const damage = [
      ...this.#damageOf(found, stored),
      ...(accept === undefined ? [] : await this.#damagedBuckets(found)),
    ]
    if (damage.length === 0) {
      this.#top = stored
      for (const bucket of found.stored.keys()) this.#unchecked.add(bucket)
      return undefined
    }
    const folders = [...new Set(damage.map(({ folder }) => folder))].join(', ')
    const code = hash('sha256', damage.map(({ folder, sign }) => `${folder} ${sign}`).join('\n'), 'hex').slice(0, 16)
    if (accept === undefined || !sameText(accept, code)) throw refusal(folders, accept === undefined ? undefined : code)
    this.#parts.log.warn('the server was opened although records are not what they were', { folders, code })
    await this.build()
    return { code, why: `stored records were removed, changed or put back outside strongroom: ${folders}` }
  }

  /** Takes what is there as it is: a storage of a release without sums, or one whose damage was accepted. */
  async build(): Promise<void> {
    const found = await survey(this.#surveyed, true)
    const top = new Top()
    for (const [folder, sum] of found.folders) toggle(top.sumOf(folder), sum)
    const ops: Op[] = []
    for (const bucket of found.stored.keys()) if (!found.buckets.has(bucket)) ops.push({ del: this.#prefix + bucket })
    for (const [bucket, sum] of found.buckets) {
      const op = this.#bucketOp(bucket, sum)
      if ('put' in op) toggle(top.buckets, this.#elements.of({ key: op.put, value: op.value, rev: 0n }))
      ops.push(op)
    }
    for (let at = 0; at < ops.length; at += 100) await this.#parts.storage.commit({ ops: ops.slice(at, at + 100) })
    const value = this.#parts.seal(topKey, top.bytes(await this.#parts.storage.rev()))
    await this.#parts.storage.commit({ ops: [{ put: topKey, value }] })
    this.#top = top
  }

  #follow(changes: Iterable<Change>, rev: Rev, read: Read): readonly Op[] {
    const touched = new Map<string, Bucket>()
    let top: Top | undefined
    for (const change of changes) {
      const cover = this.#parts.coverage.of(change.key)
      if (cover.by === 'nothing') continue
      top ??= this.#top ??= this.#readTop(read)
      const elements = this.#elementsOf(change, read)
      if (cover.by === 'folder') for (const element of elements) toggle(top.sumOf(cover.folder), element)
      else {
        const bucket = this.#bucket(cover.bucket, read)
        touched.set(cover.bucket, bucket)
        for (const sum of [bucket.sum, ...this.#countsOf(cover.bucket, change.key)])
          for (const element of elements) toggle(sum, element)
      }
    }
    if (!top) return []
    const ops = [...touched].map(([name, bucket]) => this.#replace(top, name, bucket))
    return [...ops, { put: topKey, value: this.#parts.seal(topKey, top.bytes(rev)) }]
  }

  /** The values before and after. */
  #elementsOf({ key, value, rev }: Change, read: Read): readonly Uint8Array[] {
    const before = read(key)
    return [...(before ? [this.#elements.of(before)] : []), ...(value ? [this.#elements.of({ key, value, rev })] : [])]
  }

  /** Sums under way that have passed a key. */
  #countsOf(bucket: string, key: string): readonly Sum[] {
    return [...this.#counts].filter((count) => count.bucket === bucket && key <= count.cursor).map(({ sum }) => sum)
  }

  #replace(top: Top, name: string, bucket: Bucket): Op {
    toggle(top.buckets, bucket.element)
    const op = this.#bucketOp(name, bucket.sum)
    bucket.element = 'put' in op ? this.#elements.of({ key: op.put, value: op.value, rev: 0n }) : nothing()
    toggle(top.buckets, bucket.element)
    return op
  }

  #bucketOp(name: string, sum: Sum): Op {
    const key = this.#prefix + name
    return sameSum(sum, nothing()) ? { del: key } : { put: key, value: this.#parts.seal(key, sum) }
  }

  /** The sum that a bucket must have. */
  #bucket(name: string, read: Read): Bucket {
    const cached = this.#buckets.get(name)
    if (cached) return cached
    const key = this.#prefix + name
    const entry = read(key)
    const bucket = entry
      ? { sum: Buffer.from(this.#parts.open(key, entry.value)), element: this.#elements.of({ ...entry, rev: 0n }) }
      : { sum: nothing(), element: nothing() }
    this.#buckets.set(name, bucket)
    return bucket
  }

  #readTop(read: Read): Top {
    const entry = read(topKey)
    if (!entry) throw new BrokenRecord('the record of the digests is not there')
    return Top.of(this.#parts.open(topKey, entry.value))
  }

  #sure(bucket: string): Promise<void> | undefined {
    const check = this.#checked.get(bucket)
    if (check !== undefined) return check === true ? undefined : check
    const checking = this.#checkBucket(bucket)
    this.#checked.set(bucket, checking)
    checking.catch(() => {})
    return checking
  }

  async #checkBucket(bucket: string): Promise<void> {
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
    this.#parts.log.error('stored records were removed or put back outside strongroom: they are not used; restore a backup', { folder }) // prettier-ignore
    return new Fault(
      'internal',
      'stored records were removed, changed or put back outside strongroom; restore them from a backup',
    )
  }

  /** Undefined when something came in between that calls for another try. */
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

  /** Adds the next piece of a bucket. With the last one: whether the sum is right. */
  async #addPiece(count: Count): Promise<boolean | undefined> {
    const { bucket, sum } = count
    let right: boolean | undefined
    const also = [this.#prefix + bucket]
    await this.#piece({ prefix: bucket, from: count.cursor, also }, (piece) => {
      for (const entry of piece.entries) if (this.#isIn(bucket, entry)) toggle(sum, this.#elements.of(entry))
      count.cursor = behindPiece(piece) ?? count.cursor
      if (!piece.more) right = sameSum(sum, this.#bucket(bucket, piece.read).sum)
    })
    return right
  }

  #isIn(bucket: string, { key }: Entry): boolean {
    const cover = this.#parts.coverage.of(key)
    return cover.by === 'bucket' && cover.bucket === bucket
  }

  async #piece(range: PieceRange, visit: (piece: Piece) => void): Promise<void> {
    await this.#parts.storage.entries({ ...range, limit: pieceSize }, (piece) => {
      if (this.#closed) throw new Fault('sealed', 'Vault is sealed')
      visit(piece)
    })
  }

  /** The stored top, or undefined when there is none that opens. */
  async #stored(): Promise<Top | undefined> {
    let top: Top | undefined
    await this.#piece({ prefix: topKey, from: topKey, also: [topKey] }, ({ read }) => {
      try {
        top = this.#readTop(read)
      } catch (thrown) {
        if (!(thrown instanceof BrokenRecord)) throw thrown
      }
    })
    return top && top.rev <= (await this.#parts.storage.rev()) ? top : undefined
  }

  #damageOf({ folders, stored }: Found, top: Top | undefined): readonly Damage[] {
    const sumOfBuckets = nothing()
    for (const entry of stored.values()) toggle(sumOfBuckets, this.#elements.of({ ...entry, rev: 0n }))
    const expected = top ?? new Top()
    const names = [...new Set([...folders.keys(), ...expected.folders])].sort()
    return [
      ...names.flatMap((folder) => damaged(folder, expected.sumOf(folder), folders.get(folder) ?? nothing())),
      ...damaged('digests of buckets', expected.buckets, sumOfBuckets),
      ...(top ? [] : [{ folder: 'digests', sign: 'missing' }]),
    ]
  }

  async #damagedBuckets({ buckets, stored }: Found): Promise<readonly Damage[]> {
    const names = [...new Set([...buckets.keys(), ...stored.keys()])].sort()
    return names.flatMap((name) => {
      const entry = stored.get(name)
      const wanted = entry ? this.#openSum(entry) : nothing()
      return damaged(this.#parts.coverage.folderOf(name), wanted, buckets.get(name) ?? nothing())
    })
  }

  #openSum({ key, value }: Entry): Sum {
    try {
      return Buffer.from(this.#parts.open(key, value))
    } catch (thrown) {
      if (thrown instanceof BrokenRecord) return nothing()
      throw thrown
    }
  }

  /** The storage may have written or not: what is known is read again. */
  #forget(): void {
    this.#top = undefined
    this.#buckets.clear()
    for (const count of this.#counts) count.stale = true
  }
}

function refusal(folders: string, code: string | undefined): Fault {
  const accept =
    code === undefined
      ? 'To learn the code that opens it all the same, unseal with -accept-storage=check (accept_storage)'
      : `To open it all the same, unseal again with -accept-storage=${code} (accept_storage)`
  return new Fault(
    'precondition_failed',
    `the server stays sealed: stored records were removed, changed or put back outside strongroom, in ${folders}. ` +
      `Restore a backup. ${accept}: what is there then counts`,
  )
}
