import { expect } from 'chai'
import { MeasuredServer } from '../../support/processes/measured.ts'

/** Node takes 16 KiB of request line and headers; a little less leaves room for what every request has. */
const most = 15_500
const many = (part: (at: number) => string): string => {
  let text = ''
  for (let at = 0; ; at++) {
    const next = part(at)
    if (text.length + next.length > most) return text
    text += next
  }
}
const filled = (part: string): string => many(() => part)

/** Queries, paths and headers of the largest size, each of another shape. */
const queries: Readonly<Record<string, string>> = {
  escapes: filled('a=%41&'),
  'many names': many((at) => `k${at}=v&`),
  'one name': filled('a=1&'),
  'names alone': many((at) => `n${at}&`),
  'signs alone': filled('&'),
  'equal signs': filled('='),
  'plus signs': `a=${filled('+')}`,
  'broken escapes': filled('%4&'),
  'one long value': `a=${filled('x')}`,
  'folders in a value': `list=true&after=${filled('a/')}`,
}
const paths: Readonly<Record<string, string>> = {
  'short folders': filled('a/'),
  'short folders behind a long one': `${'x'.repeat(500)}/${filled('a/').slice(600)}`,
  'folders of a namespace': `team/${filled('a/')}`,
  'folders of a secret': `secret/metadata/${filled('a/')}`,
  'a name in escapes': `cubbyhole/${filled('%61')}`,
  'folders in escapes': `sys/policies/acl/${filled('%2f')}`,
  'empty folders': filled('/'),
  dots: filled('../'),
  'letters beyond ASCII': `cubbyhole/${filled('%c3%a9')}`,
  'broken letters': `cubbyhole/${filled('%ff')}`,
}
const headers: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a long token': { 'X-Vault-Token': filled('x') },
  'dots in a token': { 'X-Vault-Token': filled('a.') },
  'a long namespace': { 'X-Vault-Namespace': filled('a/') },
  'slashes as a namespace': { 'X-Vault-Namespace': filled('/') },
  'a long wrap TTL': { 'X-Vault-Wrap-TTL': filled('1h') },
  'forwarding addresses': { 'X-Forwarded-For': filled('1.1.1.1,') },
  'a long Authorization': { Authorization: `Bearer ${filled(' x')}` },
  'a long content type': { 'Content-Type': filled('a/b;') },
  'a long Accept': { Accept: filled('a/*;q=0,') },
  'a long Origin': { Origin: `https://${filled('a.')}` },
  'many headers': Object.fromEntries(Array.from({ length: 700 }, (_, at) => [`x-${at}`, 'vvvvvvv'])),
}
/** Numbers that JSON allows and that take more than one look, many times. */
const numbers = ['-1.5', '1e400', '-0.0', '1E-7', '123456789012345678901234567890']

describe('the event loop, at the head of a request', function () {
  this.timeout(10 * 60_000)
  let server: MeasuredServer
  let token: Readonly<Record<string, string>>
  before(async () => {
    server = await MeasuredServer.start()
    const made = await server.http.call('POST', '/v1/auth/token/create', { policies: ['default'] })
    token = { 'X-Vault-Token': (made.body['auth'] as { readonly client_token: string }).client_token }
  })
  after(async () => server.stop())

  const answers = async (what: string, method: string, path: string, sent: object = {}, body?: string): Promise<void> =>
    server.turnsQuickly(what, async () => {
      const reply = await server.http.call(method, path, body, { ...token, ...sent })
      expect(reply.status, what).to.be.lessThan(500)
    })

  it('is not blocked by the longest queries', async () => {
    for (const [shape, query] of Object.entries(queries))
      for (const path of ['sys/health', 'cubbyhole/x', 'sys/internal/ui/mounts', 'secret/data/x', 'nothing'])
        await answers(`${path}, a query of ${shape}`, 'GET', `/v1/${path}?${query}`)
  })

  it('is not blocked by the longest paths', async () => {
    for (const [shape, path] of Object.entries(paths))
      for (const method of ['GET', 'LIST', 'POST', 'DELETE'])
        await answers(`${method}, a path of ${shape}`, method, `/v1/${path}`, {}, method === 'POST' ? '{"a":1}' : undefined) // prettier-ignore
  })

  it('is not blocked by the longest headers', async () => {
    for (const [shape, sent] of Object.entries(headers)) await answers(shape, 'GET', '/v1/cubbyhole/x', sent)
  })

  it('is not blocked by very many unusual numbers', async () => {
    for (const number of numbers)
      for (const field of ['unknown', 'paths']) {
        const body = `{"${field}":[${Array.from({ length: 90_000 }, () => number).join(',')}]}`
        await answers(`90,000 times ${number} as ${field}`, 'POST', '/v1/sys/capabilities-self', {}, body)
      }
  })
})
