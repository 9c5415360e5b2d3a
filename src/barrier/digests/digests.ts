import { hash } from 'node:crypto'
import { Fault } from '../../contract/fault.ts'
import type { AcceptedDamage } from '../../contract/barrier.ts'
import type { Closer, Companion, Op, Storage } from '../../contract/storage.ts'
import { sameText } from '../../util/bytes.ts'
import type { Log } from '../../util/log.ts'
import { BrokenRecord } from '../frame.ts'
import { BucketChecks } from './bucket-checks.ts'
import { ExpectedSums } from './expected.ts'
import type { ExpectedParts } from './expected.ts'
import { Elements, nothing, toggle } from './sums.ts'
import { damaged, survey } from './survey.ts'
import type { Damage, Found, ReadPiece, SurveyParts } from './survey.ts'
import { Top, topKey } from './top.ts'

export interface DigestParts extends ExpectedParts {
  readonly storage: Pick<Storage, 'entries' | 'commit' | 'rev' | 'watch'>
  /** 32 bytes, this object's own. */
  readonly key: Uint8Array
  readonly log: Log
}

const pieceSize = 500

/**
 * Detects records that were removed, replaced by older copies, or duplicated outside strongroom. The records of a folder
 * (or of a bucket of a large one) have a sum that changes in the same commit. The sums of folders are in one record, the
 * top; those of buckets in their own records, whose sum is in the top. Sums are computed from ciphertext only.
 *
 * - At unseal `check` computes the sums of all folders, and of the buckets' own records. The sum of a bucket is computed
 *   before the first read from it (`trusted`), or by `sweep`.
 * - Regular changes preserve the difference between actual and expected sums: a bucket may be written before its check.
 */
export class Digests {
  readonly #parts: DigestParts
  readonly #elements: Elements
  readonly #expected: ExpectedSums
  readonly #buckets: BucketChecks
  readonly #surveyed: SurveyParts
  readonly #watch: Closer
  #closed = false

  constructor(parts: DigestParts) {
    const { coverage, key, log, storage } = parts
    this.#parts = parts
    this.#elements = new Elements(key)
    this.#expected = new ExpectedSums(parts, this.#elements)
    const [elements, expected, piece] = [this.#elements, this.#expected, this.#piece]
    this.#buckets = new BucketChecks({ coverage, elements, expected, piece, isClosed: () => this.#closed, log })
    this.#surveyed = { coverage, elements, prefix: expected.prefix, piece }
    this.#watch = storage.watch(0n, { changed: () => {}, reset: () => this.#forget() })
  }

  close(): void {
    this.#closed = true
    this.#watch.close()
    this.#elements.wipe()
  }

  /** Of an empty store. */
  begin(): void {
    this.#expected.begin(new Top())
  }

  /** Updates the sums with every commit. */
  readonly companion: Companion = (changes, rev, read) => {
    try {
      return this.#expected.follow(changes, rev, read, (bucket, key) => this.#buckets.passed(bucket, key))
    } catch (thrown) {
      this.#forget()
      throw thrown
    }
  }

  /** Undefined if the record needs no check, or its bucket was already checked. @throws Fault internal */
  trusted(key: string): Promise<void> | undefined {
    const cover = this.#parts.coverage.of(key)
    return cover.by === 'bucket' ? this.#buckets.verified(cover.bucket) : undefined
  }

  /** Waits until no record that existed at unseal can be missing below a folder. @throws Fault internal */
  async complete(folder: string): Promise<void> {
    await this.#buckets.complete(folder)
  }

  /** Checks all buckets, one after the other, until the store is closed. Damage is logged. */
  async sweep(): Promise<void> {
    await this.#buckets.sweep()
  }

  /**
   * To be called before anything is read or written.
   * @param accept `check` or a code: then the sums of buckets are computed as well, and the damage with this code is accepted.
   * @returns the damage that was accepted
   * @throws Fault precondition_failed with the code of the damage
   */
  async check(accept?: string): Promise<AcceptedDamage | undefined> {
    const found = await survey(this.#surveyed, accept !== undefined)
    const stored = await this.#storedTop()
    const damage = [
      ...this.#damagedFolders(found, stored),
      ...(accept === undefined ? [] : this.#damagedBuckets(found)),
    ]
    if (damage.length === 0) {
      this.#expected.begin(stored)
      this.#buckets.begin(found.stored.keys())
      return undefined
    }
    const folders = [...new Set(damage.map(({ folder }) => folder))].join(', ')
    const code = hash('sha256', damage.map(({ folder, sign }) => `${folder} ${sign}`).join('\n'), 'hex').slice(0, 16)
    if (accept === undefined || !sameText(accept, code)) throw refusal(folders, accept === undefined ? undefined : code)
    this.#parts.log.warn('unsealed although records were changed', { folders, code })
    await this.build()
    return { code, why: `stored records were removed, changed or put back outside strongroom: ${folders}` }
  }

  /** Accepts the current records: of a storage of a release without sums, or with accepted damage. */
  async build(): Promise<void> {
    const { storage, seal } = this.#parts
    const found = await survey(this.#surveyed, true)
    const top = new Top()
    for (const [folder, sum] of found.folders) toggle(top.sumOf(folder), sum)
    const ops: Op[] = []
    for (const bucket of found.stored.keys())
      if (!found.buckets.has(bucket)) ops.push(this.#expected.opOf(bucket, nothing()))
    for (const [bucket, sum] of found.buckets) {
      const op = this.#expected.opOf(bucket, sum)
      toggle(top.buckets, this.#expected.elementOf(op))
      ops.push(op)
    }
    for (let at = 0; at < ops.length; at += 100) await storage.commit({ ops: ops.slice(at, at + 100) })
    const value = seal(topKey, top.bytes(await storage.rev()))
    await storage.commit({ ops: [{ put: topKey, value }] })
    this.#expected.begin(top)
  }

  readonly #piece: ReadPiece = async (range, visit) => {
    await this.#parts.storage.entries({ ...range, limit: pieceSize }, (piece) => {
      if (this.#closed) throw new Fault('sealed', 'Vault is sealed')
      visit(piece)
    })
  }

  /** The stored top, or undefined if none can be decrypted. */
  async #storedTop(): Promise<Top | undefined> {
    let top: Top | undefined
    await this.#piece({ prefix: topKey, from: topKey, also: [topKey] }, ({ read }) => {
      try {
        top = this.#expected.readTop(read)
      } catch (thrown) {
        if (!(thrown instanceof BrokenRecord)) throw thrown
      }
    })
    return top && top.rev <= (await this.#parts.storage.rev()) ? top : undefined
  }

  #damagedFolders({ folders, stored }: Found, top: Top | undefined): readonly Damage[] {
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

  #damagedBuckets({ buckets, stored }: Found): readonly Damage[] {
    const names = [...new Set([...buckets.keys(), ...stored.keys()])].sort()
    return names.flatMap((name) => {
      const entry = stored.get(name)
      const wanted = entry ? this.#expected.stored(entry) : nothing()
      return damaged(this.#parts.coverage.folderOf(name), wanted, buckets.get(name) ?? nothing())
    })
  }

  /** The outcome of a commit is unknown: the stored sums are read again. */
  #forget(): void {
    this.#expected.forget()
    this.#buckets.restart()
  }
}

function refusal(folders: string, code: string | undefined): Fault {
  const accept =
    code === undefined
      ? 'To get the code that accepts the damage, unseal with -accept-storage=check (accept_storage)'
      : `To accept the damage, unseal again with -accept-storage=${code} (accept_storage)`
  return new Fault(
    'precondition_failed',
    `the server stays sealed: stored records were removed, changed or put back outside strongroom, in ${folders}. ` +
      `Restore a backup. ${accept}: the records are then used as they are`,
  )
}
