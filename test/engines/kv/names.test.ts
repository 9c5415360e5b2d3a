import { expect } from 'chai'
import * as fc from 'fast-check'
import { apiPath } from '../../../src/contract/request.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

/** Segments of any characters that a path can hold. */
const segment = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
    fc.constantFrom('__proto__', 'constructor', '%2F', '%', '+', '?', '#', '*', '...', 'data', 'metadata', ' ', '\u{1f511}'),
  )
  .filter((text) => !text.includes('/') && apiPath(text) === text && !/\p{Cc}/u.test(text)) // prettier-ignore
const name = fc.array(segment, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'))

/** Every way to write a byte of UTF-8 that URLs allow: as it is, escaped in lower case, in upper case. */
const spelled = (text: string, choose: (most: number) => number): string =>
  text
    .split('/')
    .map((part) => {
      const bytes = [...Buffer.from(part)].map((byte) => {
        const plain = String.fromCharCode(byte)
        const escaped = `%${byte.toString(16).padStart(2, '0')}`
        if (/[A-Za-z0-9\-_~]/.test(plain) && choose(1) === 0) return plain
        return choose(1) === 0 ? escaped : escaped.toUpperCase()
      })
      return bytes.join('')
    })
    .join('/')

describe('names of secrets', function () {
  this.timeout(60_000)
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/kv', { type: 'kv' })
  })
  after(async () => server.running.stop())

  it('of any letters, in any encoding of a URL, are stored unchanged, and are distinct', async () => {
    const kept = new Map<string, number>()
    let count = 0
    await fc.assert(
      fc.asyncProperty(name, fc.infiniteStream(fc.nat()), async (named, numbers) => {
        const choose = (most: number): number => (numbers.next().value as number) % (most + 1)
        const n = ++count
        for (const [path, body] of [
          ['kv', { n }],
          ['secret/data', { data: { n } }],
        ] as const) {
          const written = await server.call('POST', `/v1/${path}/${spelled(named, choose)}`, body)
          expect(written.status, written.text).to.be.oneOf([200, 204])
          const { body: read } = await server.call('GET', `/v1/${path}/${spelled(named, choose)}`)
          const { data } = read as { readonly data: Body }
          expect((data['data'] as Body | undefined)?.['n'] ?? data['n'], named).to.equal(n)
        }
        kept.set(named, n)
        const cut = named.lastIndexOf('/') + 1
        for (const folder of ['kv', 'secret/metadata']) {
          const parent = spelled(named.slice(0, cut), choose)
          const { keys } = await server.data('LIST', `${folder}/${parent}`)
          expect(keys, named).to.include(named.slice(cut))
        }
      }),
      { numRuns: 150 },
    )
    for (const folder of ['kv/', 'secret/metadata/']) {
      const { keys } = await server.data('SCAN', folder)
      expect((keys as string[]).toSorted()).to.deep.equal([...kept.keys()].toSorted())
    }
    for (const [named, n] of kept) {
      const { data } = await server.data('GET', `secret/data/${spelled(named, () => 1)}`)
      expect((data as Body)['n'], named).to.equal(n)
    }
  })

  it('lists come in the order of their bytes and in pages that leave out and repeat nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(segment, { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 3 }), async (names, limit) => {
        const folder = `pages-${++pages}`
        for (const one of names)
          await server.data('POST', `secret/data/${folder}/${spelled(one, () => 1)}`, { data: {} })
        const seen: string[] = []
        for (let after = ''; ;) {
          const query = `?limit=${limit}&after=${encodeURIComponent(after)}`
          const { status, body } = await server.call('LIST', `/v1/secret/metadata/${folder}${query}`)
          if (status === 404) break
          const { keys } = body['data'] as { readonly keys: readonly string[] }
          expect(keys.length).to.be.at.most(limit)
          seen.push(...keys)
          after = keys.at(-1) as string
        }
        expect(seen).to.deep.equal(names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
      }),
      { numRuns: 40 },
    )
  }) // prettier-ignore
})

let pages = 0
