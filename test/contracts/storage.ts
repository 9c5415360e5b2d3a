import { expect } from 'chai'
import type { Storage } from '../../src/contract/storage.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const textOf = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

/** What every storage must do. */
export function itIsAStorage(name: string, open: () => Promise<Storage>): void {
  describe(`${name} as a storage`, () => {
    let storage: Storage
    beforeEach(async () => {
      storage = await open()
    })
    afterEach(async () => storage.close())

    const put = async (key: string, value: string) => storage.commit({ ops: [{ put: key, value: bytes(value) }] })
    const get = async (key: string) => textOf((await storage.get([key]))[0]?.value)

    it('gives undefined for what is not there', async () => {
      expect(await storage.get(['a', 'b'])).to.deep.equal([undefined, undefined])
    })

    it('gives back what was put, in the order asked', async () => {
      await put('a', '1')
      await put('b', '2')
      const entries = await storage.get(['b', 'x', 'a'])
      expect(entries.map((entry) => textOf(entry?.value))).to.deep.equal(['2', undefined, '1'])
    })

    it('counts revisions up with every commit', async () => {
      const before = await storage.rev()
      await put('a', '1')
      const first = (await storage.get(['a']))[0]?.rev
      await put('a', '2')
      const second = (await storage.get(['a']))[0]?.rev
      expect(first).to.equal(before + 1n)
      expect(second).to.equal(before + 2n)
      expect(await storage.rev()).to.equal(second)
    })

    it('commits all or nothing when an expectation fails', async () => {
      await put('a', '1')
      const result = await storage.commit({
        expect: [{ key: 'a', rev: 0n }],
        ops: [{ put: 'b', value: bytes('2') }, { del: 'a' }],
      })
      expect(result).to.equal('conflict')
      expect(await get('a')).to.equal('1')
      expect(await get('b')).to.equal(undefined)
    })

    it('lets exactly one of many make a key', async () => {
      const results = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          storage.commit({ expect: [{ key: 'k', rev: 0n }], ops: [{ put: 'k', value: bytes(String(at)) }] }),
        ),
      )
      expect(results.filter((result) => result !== 'conflict')).to.have.length(1)
    })

    it('notices a key made, changed or removed under a prefix', async () => {
      await put('p/a', '1')
      const since = await storage.rev()
      const expectation = [{ prefix: 'p/', unchangedSince: since }]
      expect(await storage.commit({ expect: expectation, ops: [{ put: 'q', value: bytes('x') }] })).to.not.equal(
        'conflict',
      )
      await storage.commit({ ops: [{ del: 'p/a' }] })
      expect(await storage.commit({ expect: expectation, ops: [{ put: 'q', value: bytes('y') }] })).to.equal('conflict')
    })

    it('lists in byte order, in pages, with folders', async () => {
      for (const key of ['d/b', 'd/a/x', 'd/a/y', 'd/c', 'd-', 'e']) await put(key, '1')
      expect((await storage.list('d/', { limit: 10 })).keys).to.deep.equal(['d/a/x', 'd/a/y', 'd/b', 'd/c'])
      expect((await storage.list('d/', { limit: 10, delimiter: '/' })).keys).to.deep.equal(['d/a/', 'd/b', 'd/c'])
      const first = (await storage.list('d/', { limit: 2, delimiter: '/' })).keys
      expect(first).to.deep.equal(['d/a/', 'd/b'])
      expect((await storage.list('d/', { limit: 2, delimiter: '/', after: 'd/b' })).keys).to.deep.equal(['d/c'])
      expect((await storage.list('d/', { limit: 2, delimiter: '/', after: 'd/a/' })).keys).to.deep.equal(['d/b', 'd/c'])
    })

    it('tells watchers of changes in order', async () => {
      const seen: string[] = []
      const closer = storage.watch(await storage.rev(), {
        changed: (_, keys) => void seen.push(...keys),
        reset: () => void seen.push('reset'),
      })
      await put('a', '1')
      await put('b', '2')
      closer.close()
      await put('c', '3')
      expect(seen).to.deep.equal(['a', 'b'])
    })

    it('answers a commit when its watchers have applied it, whatever becomes of them', async () => {
      const applied: string[] = []
      storage.watch(await storage.rev(), {
        changed: async (_, keys) => {
          // A watcher may read and write.
          if (keys.includes('a')) await storage.commit({ ops: [{ put: 'b', value: bytes('2') }] })
          applied.push(...keys)
        },
        reset: () => {},
      })
      storage.watch(await storage.rev(), {
        changed: async () => {
          throw new Error('this watcher fails')
        },
        reset: () => {},
      })
      await put('a', '1')
      expect(applied).to.deep.equal(['b', 'a'])
      expect(await get('b')).to.equal('2')
    })

    it('keeps 1,000 concurrent commits apart', async () => {
      await Promise.all(Array.from({ length: 1000 }, async (_, at) => put(`n/${at}`, String(at))))
      for (const at of [0, 17, 999]) expect(await get(`n/${at}`)).to.equal(String(at))
      expect((await storage.list('n/', { limit: 500 })).keys).to.have.length(500)
    })
  })
}
