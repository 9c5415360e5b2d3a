import { CompactRange, hashNode, splitOf } from './tree.ts'

/** Leaves from `from` (counted from 0) up to but without `to`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * The spans whose roots prove that leaf `index` is in the tree of `size` leaves, sibling of the leaf first (PATH of
 * RFC 6962 §2.1.1). @throws RangeError unless index < size.
 */
export function inclusionSpans(index: number, size: number): readonly Span[] {
  if (!(index >= 0 && index < size)) throw new RangeError('this leaf is not in a tree of this size')
  const spans: Span[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    const left = index < middle
    spans.unshift(left ? { from: middle, to } : { from, to: middle })
    if (left) to = middle
    else from = middle
  }
  return spans
}

/**
 * The spans whose roots prove that the tree of `size` leaves began as the one of `old` leaves (PROOF of RFC 6962 §2.1.2).
 * Empty when old is 0 or size. @throws RangeError unless old ≤ size.
 */
export function consistencySpans(old: number, size: number): readonly Span[] {
  if (!(old >= 0 && old <= size)) throw new RangeError('a tree is consistent with smaller ones only')
  const spans: Span[] = []
  let [from, to] = [0, size]
  if (old === 0) return spans
  while (old !== to) {
    const middle = from + splitOf(to - from)
    const left = old <= middle
    spans.unshift(left ? { from: middle, to } : { from, to: middle })
    if (left) to = middle
    else from = middle
  }
  return from === 0 ? spans : [{ from, to }, ...spans]
}

/**
 * Computes the roots of spans in one pass over the leaves, in constant memory. It may begin behind the first leaf, at a
 * tree whose full subtrees are known; spans before it are then only known where they are made of those.
 */
export class SpanHasher {
  #at: number
  readonly #open: { readonly span: Span; readonly range: CompactRange | undefined }[]

  /** @throws RangeError if a span is before the start and cannot be computed from it. */
  constructor(spans: readonly Span[], start: CompactRange = new CompactRange()) {
    this.#at = start.size
    this.#open = spans.map((span) => ({ span, range: begun(span, start) }))
  }

  /** Adds the hash of the next leaf. */
  push(leaf: Uint8Array): void {
    const at = this.#at++
    for (const { span, range } of this.#open) if (at >= span.from && at < span.to) range?.push(leaf)
  }

  /** The number of leaves so far, including those of the start. */
  get size(): number {
    return this.#at
  }

  /** The roots, in the order of the spans. @throws RangeError before all their leaves were seen. */
  roots(): readonly Uint8Array[] {
    return this.#open.map(({ span, range }) => {
      if (range?.size !== span.to - span.from) throw new RangeError('leaves of this proof are missing')
      return range.root()
    })
  }
}

/** The full subtrees of the start that are inside a span. The spans of proofs end at subtrees. */
function begun({ from, to }: Span, start: CompactRange): CompactRange {
  const inside: Uint8Array[] = []
  let begin = 0
  let left = start.size
  for (const peak of start.peaks) {
    let width = 1
    while (width * 2 <= left) width *= 2
    if (begin >= from && begin + width <= to) inside.push(peak)
    else if (begin + width > from && begin < to)
      throw new RangeError('this proof needs lines of files that are not there any more')
    begin += width
    left -= width
  }
  return new CompactRange(Math.max(0, Math.min(to, start.size) - from), inside)
}

/** The root computed from a proof of inclusion, undefined if the proof has the wrong length (RFC 9162 §2.1.3.2). */
export function rootOfInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!Number.isSafeInteger(size) || !(index >= 0 && index < size)) return undefined
  let [fn, sn] = [index, size - 1]
  let root = leaf
  for (const hash of proof) {
    if (sn === 0) return undefined
    if (fn % 2 === 1 || fn === sn) {
      root = hashNode(hash, root)
      ;[fn, sn] = toRightChild(fn, sn)
    } else root = hashNode(root, hash)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 ? root : undefined
}

/** A tree's size and root hash. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/** Whether a proof shows that `head` is an extension of `old` (RFC 9162 §2.1.4.2). */
export function isConsistent(old: TreeHead, head: TreeHead, proof: readonly Uint8Array[]): boolean {
  if (old.size > head.size || !Number.isSafeInteger(head.size)) return false
  if (old.size === 0) return proof.length === 0
  if (old.size === head.size) return proof.length === 0 && same(old.root, head.root)
  // Where the old tree is full, its own root is the first hash.
  const [first, ...rest] = isPower(old.size) ? [old.root, ...proof] : proof
  if (first === undefined) return false
  let [fn, sn] = [old.size - 1, head.size - 1]
  while (fn % 2 === 1) [fn, sn] = [half(fn), half(sn)]
  let [oldRoot, root] = [first, first]
  for (const hash of rest) {
    if (sn === 0) return false
    if (fn % 2 === 1 || fn === sn) {
      oldRoot = hashNode(hash, oldRoot)
      root = hashNode(hash, root)
      ;[fn, sn] = toRightChild(fn, sn)
    } else root = hashNode(root, hash)
    ;[fn, sn] = [half(fn), half(sn)]
  }
  return sn === 0 && same(oldRoot, old.root) && same(root, head.root)
}

/** Ascends from a node at the right edge of its tree while it is a left child: these levels have no sibling. */
function toRightChild(node: number, last: number): readonly [number, number] {
  let [fn, sn] = [node, last]
  while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, half(sn)]
  return [fn, sn]
}

const half = (count: number): number => Math.floor(count / 2)
const isPower = (size: number): boolean => splitOf(size * 2) === size
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0
