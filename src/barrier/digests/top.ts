import type { Rev } from '../../contract/storage.ts'
import { base64, fromBase64, text, utf8 } from '../../util/bytes.ts'
import { BrokenRecord } from '../frame.ts'
import { nothing, sumBytes } from './sums.ts'
import type { Sum } from './sums.ts'

/** The storage key of the top. */
export const topKey = 'digest'

interface Stored {
  readonly format: 1
  readonly rev: string
  readonly buckets: string
  readonly folders: Readonly<Record<string, string>>
}

/** The sums of all folders, the sum of the buckets' records, and the revision that all of it is of. */
export class Top {
  readonly rev: Rev
  readonly buckets: Sum
  readonly #folders: Map<string, Sum>

  constructor(rev: Rev = 0n, buckets: Sum = nothing(), folders: ReadonlyMap<string, Sum> = new Map()) {
    this.rev = rev
    this.buckets = buckets
    this.#folders = new Map(folders)
  }

  /** Reads a value that `bytes` wrote. @throws BrokenRecord */
  static of(bytes: Uint8Array): Top {
    const { format, rev, buckets, folders } = JSON.parse(text(bytes)) as Stored
    if (format !== 1) throw new BrokenRecord('the digests are of a later release')
    const sums = Object.entries(folders).map(([folder, sum]) => [folder, sumOf(sum)] as const)
    return new Top(BigInt(rev), sumOf(buckets), new Map(sums))
  }

  get folders(): Iterable<string> {
    return this.#folders.keys()
  }

  /** The sum of a folder, to be changed in place. */
  sumOf(folder: string): Sum {
    const sum = this.#folders.get(folder) ?? nothing()
    this.#folders.set(folder, sum)
    return sum
  }

  /** As it is stored at a revision, before it is encrypted. */
  bytes(rev: Rev): Uint8Array {
    const folders = Object.fromEntries([...this.#folders].map(([folder, sum]) => [folder, base64(sum)]))
    return utf8(
      JSON.stringify({ format: 1, rev: String(rev), buckets: base64(this.buckets), folders } satisfies Stored),
    )
  }
}

function sumOf(encoded: string): Sum {
  const bytes = fromBase64(encoded)
  if (bytes?.length !== sumBytes) throw new BrokenRecord('a digest has another length')
  return Buffer.from(bytes)
}
