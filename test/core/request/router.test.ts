import { expect } from 'chai'
import * as fc from 'fast-check'
import type { Mount } from '../../../src/core/mounts/mount.ts'
import { Router } from '../../../src/core/request/router.ts'

function routerOf(...paths: readonly string[]): Router {
  const router = new Router()
  for (const apiPath of paths) router.add({ apiPath } as Mount)
  return router
}

describe('router', () => {
  it('finds the longest mount by whole segments', () => {
    const router = routerOf('a/', 'a/b/', 'auth/token/')
    expect(router.mountOf('a/b/c')?.apiPath).to.equal('a/b/')
    expect(router.mountOf('a/bc')?.apiPath).to.equal('a/')
    expect(router.mountOf('a/b')?.apiPath).to.equal('a/b/')
    expect(router.mountOf('auth/other')).to.equal(undefined)
  })

  it('terminates for every path, also for empty ones and slashes only', () => {
    const mounts = ['a/', 'a/b/']
    const router = routerOf(...mounts)
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 8 }), (path) => {
        const whole = path.endsWith('/') ? path : `${path}/`
        const longest = mounts.filter((mount) => whole.startsWith(mount)).at(-1)
        expect(router.mountOf(path)?.apiPath).to.equal(longest)
      }),
      { numRuns: 1000, examples: [[''], ['/'], ['//'], ['/a/b']] },
    )
  })
})
