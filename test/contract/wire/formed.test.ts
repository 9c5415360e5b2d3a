import { expect } from 'chai'
import { f } from '../../../src/contract/field.ts'
import type { FormedResponse, Response } from '../../../src/contract/response.ts'
import { routesOf } from '../../../src/contract/route.ts'
import type { RouteOptions } from '../../../src/contract/route.ts'
import { anotherResponse, body, injected } from '../../../src/contract/wire/returns.ts'

const { read } = routesOf<unknown>()
const members = { count: f.int('How many.') }
type Options = Pick<RouteOptions<unknown, Record<never, never>>, 'returns'>

/** What the route sends of a handler's response, be that a promise or not. */
async function sent(options: Options, response: Response): Promise<FormedResponse> {
  const make = (handle: () => Response | Promise<Response>) => read('counts', { about: 'Count.', ...options, handle })
  const atOnce = await make(() => response).handle(undefined as never, {})
  expect(await make(async () => response).handle(undefined as never, {})).to.deep.equal(atOnce)
  return atOnce
}

describe('the form of a response', () => {
  it('is that of its route', async () => {
    const counted = { data: { count: 1 }, status: 299 }
    expect(await sent({ returns: members }, counted)).to.deep.equal(counted)
    expect(await sent({ returns: injected(members) }, counted)).to.deep.equal({ ...counted, inject: true })
    expect(await sent({ returns: body(members) }, counted)).to.deep.equal({ plain: { count: 1 }, status: 299 })
  })

  it('is none where there is no content', async () => {
    for (const returns of [members, injected(members), body(members)])
      expect(await sent({ returns }, { warnings: ['none'] })).to.deep.equal({ warnings: ['none'] })
  })

  it('is its own for a response that was kept', async () => {
    const another = { plain: 'kept', contentType: 'text/plain' }
    expect(await sent({ returns: anotherResponse }, { another })).to.deep.equal(another)
  })

  it('is a string only where the route has a content type for it', async () => {
    const text = { plain: 'count 1', contentType: 'text/plain' }
    expect(await sent({ returns: body(members, 'text/plain') }, { text: 'count 1' })).to.deep.equal(text)
    const undeclared = read('counts', { about: 'Count.', returns: body(members), handle: () => ({ text: 'count 1' }) })
    expect(() => undeclared.handle(undefined as never, {})).to.throw('internal error')
  })

  it('cannot be chosen by a handler', () => {
    // @ts-expect-error: a handler has no form to give
    const chosen: Response = { data: {}, inject: true }
    // @ts-expect-error: nor a body without envelope
    const bare: Response = { plain: {} }
    const formed: FormedResponse = { plain: {} }
    // @ts-expect-error: nor by way of a response that has one
    const passed: Response = formed
    expect([chosen, bare, passed]).to.have.length(3)
  })
})
