import { sha256 } from '../../crypto/fast/digest.ts'

const leafPrefix = Buffer.from([0])
const nodePrefix = Buffer.from([1])
const pair = Buffer.alloc(65)
pair[0] = 1

/** The RFC 6962 hash of a leaf: SHA-256(0x00 ‖ its bytes). */
export function hashLeaf(bytes: Uint8Array): Buffer {
  return sha256(Buffer.concat([leafPrefix, bytes]))
}

/** The RFC 6962 hash of a node: SHA-256(0x01 ‖ left ‖ right). */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  if (left.length !== 32 || right.length !== 32) return sha256(Buffer.concat([nodePrefix, left, right]))
  pair.set(left, 1)
  pair.set(right, 33)
  return sha256(pair)
}

/** The root of a tree without leaves, SHA-256 of the empty string. */
export const emptyRoot: Uint8Array = sha256('')

/**
 * A Merkle tree (RFC 6962 §2.1) that only grows, kept as the roots of its full subtrees, largest first: one for each bit
 * of its size. Enough to go on from, and to know the root, in constant memory.
 */
export class CompactRange {
  #size: number
  readonly #peaks: Buffer[]

  /** @throws RangeError when the peaks are not those of a tree of this size. */
  constructor(size = 0, peaks: readonly Uint8Array[] = []) {
    if (
      !Number.isSafeInteger(size) ||
      size < 0 ||
      peaks.length !== ones(size) ||
      peaks.some((peak) => peak.length !== 32)
    )
      throw new RangeError('these are not the full subtrees of a tree of this size')
    this.#size = size
    this.#peaks = peaks.map((peak) => Buffer.from(peak))
  }

  get size(): number {
    return this.#size
  }

  /** The roots of the full subtrees, largest first. */
  get peaks(): readonly Uint8Array[] {
    return this.#peaks
  }

  push(leaf: Uint8Array): void {
    let grown: Buffer = Buffer.from(leaf)
    for (let rest = this.#size; rest % 2 === 1; rest = (rest - 1) / 2)
      grown = hashNode(this.#peaks.pop() as Buffer, grown)
    this.#peaks.push(grown)
    this.#size++
  }

  root(): Uint8Array {
    const last = this.#peaks.length - 1
    if (last < 0) return emptyRoot
    return this.#peaks
      .slice(0, -1)
      .reduceRight((right: Buffer, left) => hashNode(left, right), this.#peaks[last] as Buffer)
  }

  copy(): CompactRange {
    return new CompactRange(this.#size, this.#peaks)
  }
}

/** The largest power of two below `size` (at least 2), where RFC 6962 splits a tree. */
export function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

function ones(size: number): number {
  let count = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
