import { expect } from 'chai'
import * as fc from 'fast-check'
import { Trie } from '../../../src/core/request/trie.ts'
import type { Route } from '../../../src/contract/route.ts'

const route = (pattern: string): Route => ({ pattern, operation: 'read' }) as Route

interface Found {
  /** A letter for each segment of the pattern: the more specific, the later in the alphabet. */
  readonly rank: string
  readonly pattern: string
  readonly params: Readonly<Record<string, string>>
}

/** One route by itself: segment for segment; a tail takes all that is left, but for its suffix. */
function matchOf(pattern: string, path: string): Found | undefined {
  const [wanted, segments] = [pattern.split('/'), path.split('/')]
  const params: Record<string, string> = {}
  let rank = ''
  for (const [at, want] of wanted.entries()) {
    const segment = segments[at]
    if (segment === undefined) return undefined
    if (want.startsWith('*')) {
      const suffix = wanted.slice(at + 1)
      const rest = segments.slice(at)
      const end = rest.slice(rest.length - suffix.length)
      if (suffix.length > 0 && (rest.length <= suffix.length || end.join('/') !== suffix.join('/'))) return undefined
      const taken = rest.slice(0, rest.length - suffix.length).join('/')
      if (suffix.length === 0 && taken === '' && at > 0) return undefined
      const specific = String.fromCharCode('b'.charCodeAt(0) + suffix.length)
      return { rank: `${rank}${specific}`, pattern, params: { ...params, [want.slice(1)]: taken } }
    }
    if (want.startsWith(':') ? segment === '' : segment !== want) return undefined
    rank += want.startsWith(':') ? 'y' : 'z'
    if (want.startsWith(':')) params[want.slice(1)] = segment
  }
  return segments.length === wanted.length ? { rank, pattern, params } : undefined
}

/** Every route looked at; the most specific one counts. */
function slowly(patterns: readonly string[], path: string): Omit<Found, 'rank'> | undefined {
  const found = patterns.flatMap((pattern) => matchOf(pattern, path) ?? [])
  const best = found.sort((a, b) => (a.rank < b.rank ? 1 : -1)).at(0)
  return best && { pattern: best.pattern, params: best.params }
}

describe('the trie of an engine', () => {
  const step = fc.constantFrom('a', 'b', ':x')
  const end = fc.constantFrom('a', ':x', '*x', '*x/a', '*x/b', '*x/b/a')
  const patterns = fc
    .array(fc.tuple(fc.array(step, { maxLength: 2 }), end), { minLength: 1, maxLength: 8 })
    .map((list) => list.map(([steps, last]) => [...steps, last].join('/')))
    // A name stands for one segment of a pattern only.
    .map((list) => [...new Set(list)].filter((pattern) => (pattern.match(/x/g) ?? []).length < 2))
  const paths = fc
    .array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.join('/'))

  it('finds the most specific route, whatever the order in which they were added', () => {
    fc.assert(
      fc.property(patterns, paths, (list, path) => {
        const found = new Trie(list.map(route)).find(path)
        const seen = found && { pattern: found.offers.read?.pattern, params: found.params }
        expect(seen).to.deep.equal(slowly(list, path))
      }),
      { numRuns: 3000 },
    )
  })

  it('refuses routes that are ambiguous', () => {
    expect(() => new Trie([route('a/:x'), route('a/:y/b')])).to.throw('":y" is ":x" elsewhere')
    expect(() => new Trie([route('*x'), route('*y/b')])).to.throw('"*y" is "*x" elsewhere')
    expect(() => new Trie([route('a'), route('a')])).to.throw('two routes for read a')
  })
})
