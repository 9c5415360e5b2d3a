import { createHash } from 'node:crypto'
import { expect } from 'chai'
import * as fc from 'fast-check'
import {
  SpanHasher,
  consistencySpans,
  inclusionSpans,
  isConsistent,
  rootOfInclusion,
} from '../../../src/audit/checkpoints/proofs.ts'
import type { Span } from '../../../src/audit/checkpoints/proofs.ts'
import { CompactRange, emptyRoot, hashLeaf, splitOf } from '../../../src/audit/checkpoints/tree.ts'

/** The leaves of Certificate Transparency's own tests, and the roots of their first n. */
const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const roots = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const sha = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()

/** RFC 6962 §2.1, word for word and slow. */
function slowRoot(data: readonly Uint8Array[]): Buffer {
  if (data.length === 0) return sha()
  if (data.length === 1) return sha(Buffer.from([0]), data[0] as Uint8Array)
  let k = 1
  while (k * 2 < data.length) k *= 2
  return sha(Buffer.from([1]), slowRoot(data.slice(0, k)), slowRoot(data.slice(k)))
}

/** §2.1.1 and §2.1.2, word for word. */
function slowPath(m: number, data: readonly Uint8Array[]): Buffer[] {
  if (data.length <= 1) return []
  const k = splitOf(data.length)
  return m < k
    ? [...slowPath(m, data.slice(0, k)), slowRoot(data.slice(k))]
    : [...slowPath(m - k, data.slice(k)), slowRoot(data.slice(0, k))]
}
function slowProof(m: number, data: readonly Uint8Array[], whole = true): Buffer[] {
  if (m === data.length) return whole ? [] : [slowRoot(data)]
  const k = splitOf(data.length)
  return m <= k
    ? [...slowProof(m, data.slice(0, k), whole), slowRoot(data.slice(k))]
    : [...slowProof(m - k, data.slice(k), false), slowRoot(data.slice(0, k))]
}

const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')
const some = (count: number): Buffer[] => Array.from({ length: count }, (_, at) => Buffer.from(`line ${at}`))
const treeOf = (data: readonly Uint8Array[]): CompactRange => {
  const range = new CompactRange()
  for (const one of data) range.push(hashLeaf(one))
  return range
}
const proofOf = (spans: readonly Span[], data: readonly Uint8Array[], start = 0): readonly Uint8Array[] => {
  const hasher = new SpanHasher(spans, treeOf(data.slice(0, start)))
  for (const one of data.slice(start)) hasher.push(hashLeaf(one))
  return hasher.roots()
}
const hexes = (hashes: readonly Uint8Array[]): string[] => hashes.map((hash) => Buffer.from(hash).toString('hex'))
const damaged = (hash: Uint8Array): Uint8Array => Uint8Array.from(hash, (byte, at) => (at === 7 ? byte ^ 1 : byte))

describe('the Merkle tree', () => {
  for (const [size, root] of roots.entries())
    it(`has the root of Certificate Transparency for ${size} leaves`, () => {
      expect(Buffer.from(treeOf(leaves.slice(0, size).map(bytes)).root()).toString('hex')).to.equal(root)
    })

  it('agrees with a slow implementation at every size up to 130, and continues from its full subtrees', () => {
    const data = some(130)
    expect(hexes([emptyRoot])).to.deep.equal(hexes([slowRoot([])]))
    for (let size = 0; size <= data.length; size++) {
      const range = treeOf(data.slice(0, size))
      const again = new CompactRange(range.size, range.peaks)
      again.push(hashLeaf(Buffer.from('next')))
      expect(hexes([range.root(), again.root()])).to.deep.equal(
        hexes([slowRoot(data.slice(0, size)), slowRoot([...data.slice(0, size), Buffer.from('next')])]),
      )
    }
  })

  it('refuses subtrees that do not fit to a size', () => {
    const { peaks } = treeOf(some(5))
    expect(() => new CompactRange(6, [...peaks, ...peaks])).to.throw(RangeError)
    expect(() => new CompactRange(5, [...peaks.slice(1), Buffer.alloc(31)])).to.throw(RangeError)
    expect(() => new CompactRange(-1, [])).to.throw(RangeError)
    expect(() => new CompactRange(2 ** 60, [])).to.throw(RangeError)
  })

  it('works beyond 32 bits', () => {
    const size = 2 ** 40
    const range = new CompactRange(size, [hashLeaf(Buffer.from('a great many'))])
    range.push(hashLeaf(Buffer.from('one more')))
    const spans = inclusionSpans(size, size + 1)
    expect(spans).to.deep.equal([{ from: 0, to: size }])
    const root = rootOfInclusion(hashLeaf(Buffer.from('one more')), size, size + 1, [
      hashLeaf(Buffer.from('a great many')),
    ])
    expect(root).to.deep.equal(range.root())
  })
})

describe('Merkle proofs', () => {
  it('agree with a slow implementation, for every leaf and size up to 24, and verify', () => {
    for (let size = 1; size <= 24; size++) {
      const data = some(size)
      const root = slowRoot(data)
      for (let index = 0; index < size; index++) {
        const proof = proofOf(inclusionSpans(index, size), data)
        expect(hexes(proof)).to.deep.equal(hexes(slowPath(index, data)))
        const leaf = hashLeaf(data[index] as Buffer)
        expect(rootOfInclusion(leaf, index, size, proof)).to.deep.equal(root)
        expect(rootOfInclusion(damaged(leaf), index, size, proof)).not.to.deep.equal(root)
        expect(rootOfInclusion(leaf, index, size, [...proof, root])).not.to.deep.equal(root)
        if (proof.length > 0) expect(rootOfInclusion(leaf, index, size, proof.slice(1))).not.to.deep.equal(root)
      }
    }
  })

  it('of consistency agree with a slow implementation, for every pair of sizes up to 24', () => {
    for (let size = 1; size <= 24; size++) {
      const data = some(size)
      const head = { size, root: slowRoot(data) }
      for (let before = 1; before <= size; before++) {
        const old = { size: before, root: slowRoot(data.slice(0, before)) }
        const proof = proofOf(consistencySpans(before, size), data)
        expect(hexes(proof)).to.deep.equal(hexes(slowProof(before, data)))
        expect(isConsistent(old, head, proof)).to.equal(true)
        expect(isConsistent({ size: before, root: damaged(old.root) }, head, proof)).to.equal(false)
        expect(isConsistent(old, { size, root: damaged(head.root) }, proof)).to.equal(false)
        expect(isConsistent(old, head, [...proof, head.root])).to.equal(false)
        if (proof.length > 0) expect(isConsistent(old, head, proof.slice(1))).to.equal(false)
        for (const [at, hash] of proof.entries())
          expect(isConsistent(old, head, proof.with(at, damaged(hash)))).to.equal(false)
      }
    }
  })

  it('can begin at the full subtrees of an earlier size, or say that they cannot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(199), fc.nat(199), (size, a, b) => {
        const [start, index] = [Math.min(a % size, b % size), Math.max(a % size, b % size)]
        const data = some(size)
        expect(hexes(proofOf(inclusionSpans(index, size), data, start))).to.deep.equal(hexes(slowPath(index, data)))
        if (index >= 1)
          expect(hexes(proofOf(consistencySpans(index, size), data, start))).to.deep.equal(
            hexes(slowProof(index, data)),
          )
      }),
    )
    expect(() => new SpanHasher(inclusionSpans(1, 8), treeOf(some(4)))).to.throw(RangeError, 'not there any more')
  })

  it('are refused beyond the tree', () => {
    expect(() => inclusionSpans(4, 4)).to.throw(RangeError)
    expect(() => consistencySpans(5, 4)).to.throw(RangeError)
    expect(rootOfInclusion(emptyRoot, 4, 4, [])).to.equal(undefined)
    expect(isConsistent({ size: 5, root: emptyRoot }, { size: 4, root: emptyRoot }, [])).to.equal(false)
    expect(() => new SpanHasher([{ from: 0, to: 2 }]).roots()).to.throw(RangeError, 'missing')
  })
})
