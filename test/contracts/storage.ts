import { expect } from 'chai'
import { StorageUnavailable } from '../../src/contract/storage.ts'
import type { Entry, Storage } from '../../src/contract/storage.ts'

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

    it('returns undefined for a missing key', async () => {
      expect(await storage.get(['a', 'b'])).to.deep.equal([undefined, undefined])
    })

    it('returns stored values, in the requested order', async () => {
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

    const all = async (from: { entries(): AsyncIterable<readonly Entry[]> }): Promise<Record<string, string>> => {
      const found: Record<string, string> = {}
      for await (const entries of from.entries())
        for (const { key, value, rev } of entries) found[key] = `${String(textOf(value))} at ${rev}`
      return found
    }

    it('gives a snapshot that later commits do not change', async () => {
      if (storage.member) return refused(async () => storage.snapshot())
      for (let at = 0; at < 1200; at++) await put(`k${String(at).padStart(4, '0')}`, 'old')
      await storage.commit({ ops: [{ del: 'k0003' }] })
      const rev = await storage.rev()
      const snapshot = await storage.snapshot()
      await put('k0000', 'new')
      await put('later', 'new')
      await storage.commit({ ops: [{ del: 'k0001' }] })
      const found = await all(snapshot)
      expect(snapshot.rev).to.equal(rev)
      expect(Object.keys(found)).to.have.length(1199)
      expect(Object.keys(found)).to.deep.equal(Object.keys(found).sort())
      expect([found['k0000'], found['k0001'], found['later']]).to.deep.equal(['old at 1', 'old at 2', undefined])
      expect(await all(snapshot), 'read again').to.deep.equal(found)
      await snapshot.close()
      expect(await get('k0000')).to.equal('new')
    })

    it('gives snapshots under load that hold whole commits only', async () => {
      if (storage.member) return
      let done = false
      const load = async (lane: number): Promise<void> => {
        for (let at = 0; !done; at++) {
          const value = bytes(`${at} ${'x'.repeat(2000)}`)
          await storage.commit({ ops: [{ put: `l/${lane}`, value }, { put: `r/${lane}`, value }, { put: `n/${lane}/${at}`, value }] }) // prettier-ignore
        }
      }
      const lanes = [0, 1, 2, 3, 4, 5].map(load)
      for (let times = 0; times < 12; times++) {
        const snapshot = await storage.snapshot().catch(() => undefined)
        if (!snapshot) continue
        const found = await all(snapshot)
        for (const lane of [0, 1, 2, 3, 4, 5]) {
          expect(found[`l/${lane}`]).to.equal(found[`r/${lane}`])
          const last = Number(found[`l/${lane}`]?.split(' ')[0] ?? -1)
          for (let at = 0; at <= last; at++)
            expect(found, `lane ${lane} of ${last}`).to.have.property(`n/${lane}/${at}`)
        }
        await snapshot.close()
      }
      done = true
      await Promise.all(lanes)
    })

    it('replaces everything in one step, with revisions, and tells watchers to start over', async () => {
      if (storage.member) return refused(async () => storage.replacement())
      await put('a', '1')
      await put('b', '2')
      let resets = 0
      storage.watch(await storage.rev(), { changed: () => {}, reset: () => void resets++ })
      const entry = (key: string, rev: bigint): Entry => ({ key, value: bytes(key), rev })
      const dropped = await storage.replacement()
      await dropped.add([entry('z', 1n)])
      await dropped.discard()
      const next = await storage.replacement()
      await next.add([entry('b', 7n)])
      await next.add([entry('c', 9n)])
      await next.finish(12n)
      expect([await get('a'), await get('c'), resets]).to.deep.equal(['1', undefined, 0])
      expect(await all(next)).to.deep.equal({ b: 'b at 7', c: 'c at 9' })
      expect((await next.get(['c', 'a'])).map((one) => one?.rev)).to.deep.equal([9n, undefined])
      expect((await next.list('', { limit: 1, after: 'b' })).keys).to.deep.equal(['c'])
      await next.adopt()
      expect([await get('a'), await get('b'), await get('c'), resets]).to.deep.equal([undefined, 'b', 'c', 1])
      expect(await storage.rev()).to.equal(12n)
      await put('d', '4')
      expect((await storage.get(['b', 'd'])).map((one) => one?.rev)).to.deep.equal([7n, 13n])
    })

    const refused = async (ask: () => Promise<unknown>): Promise<void> => {
      const thrown = await ask().then(() => undefined, (error: unknown) => error) // prettier-ignore
      expect(thrown).to.be.instanceOf(StorageUnavailable)
    }
  })
}
