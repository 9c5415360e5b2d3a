import { expect } from 'chai'
import { ask, inside, makeNamespace, spellings, tokenIn } from '../../support/requests/namespaces.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

const all = '["create", "read", "update", "patch", "delete", "list", "scan", "sudo"]'
/** Policies that reach as far as a policy can be written to reach. */
const wide = [
  `path "*" { capabilities = ${all} }`,
  `path "+/*" { capabilities = ${all} }\npath "kv/*" { capabilities = ${all} }`,
  `path "+/+/*" { capabilities = ${all} }`,
  `path "a/*" { capabilities = ${all} }\npath "a/b/*" { capabilities = ${all} }\npath "later/*" { capabilities = ${all} }\npath "z/*" { capabilities = ${all} }`,
  `path "../*" { capabilities = ${all} }\npath "root/*" { capabilities = ${all} }`,
]

describe('known flaws: namespaces that are made later, and policies that reach far', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
  })
  after(async () => server.running.stop())

  const early = ['a', 'a/b', 'z']
  const late = ['a/later', 'a/b/later', 'later', 'z/later', 'a/b/later/deep']
  const fill = async (place: string): Promise<void> => {
    await inside(server, place, 'POST', 'sys/mounts/kv', { type: 'kv' })
    await inside(server, place, 'POST', 'kv/x', { of: place })
  }

  interface Bearer {
    readonly home: string
    readonly policy: string
    readonly token: string
  }
  /** A policy that leaves its namespace by its path may be refused as well. */
  const bearers = async (): Promise<Bearer[]> => {
    const made: Bearer[] = []
    for (const home of early)
      for (const policy of wide) {
        const auth = await tokenIn(server, home, policy, { no_parent: true }).catch(() => undefined)
        if (auth) made.push({ home, policy, token: auth.client_token })
        else expect(policy).to.include('../')
      }
    return made
  }

  const changes = [
    ['POST', 'kv/x', { of: 'a thief' }],
    ['LIST', 'sys/namespaces', undefined],
    ['POST', 'sys/namespaces/new', {}],
    ['PUT', 'sys/policies/acl/p', { policy: wide[0] }],
    ['POST', 'auth/token/create', {}],
  ] as const

  const reaches = async ({ home, policy, token }: Bearer, place: string): Promise<void> => {
    const isBelow = place === home || place.startsWith(`${home}/`)
    for (const spelling of spellings(place)) {
      const what = `token of ${home} in "${place}" as ${JSON.stringify(spelling)} under ${policy}`
      const read = await ask(server, spelling, token, 'GET', 'kv/x')
      if (!isBelow || policy === wide.at(-1)) expect(read.status, what).to.equal(403)
      else if (policy === wide[0]) expect(read.body['data'], what).to.deep.equal({ of: place })
      for (const [method, path, body] of isBelow ? [] : changes)
        expect((await ask(server, spelling, token, method, path, body)).status, `${method} ${path} ${what}`).to.equal(403) // prettier-ignore
    }
  }

  it('CVE-2020-10661, CVE-2020-35453, CVE-2023-3775: no policy reaches a parent, a sibling or a namespace created later', async function () {
    this.timeout(60_000)
    for (const place of early) await makeNamespace(server, place)
    for (const place of ['', ...early]) await fill(place)
    const everybody = await bearers()
    for (const place of late) {
      await makeNamespace(server, place)
      await fill(place)
    }
    for (const bearer of everybody) for (const place of ['', ...early, ...late]) await reaches(bearer, place)
    for (const place of ['', ...early, ...late])
      expect(await inside(server, place, 'GET', 'kv/x')).to.deep.equal({ of: place })
  })

  it('CVE-2020-10661: a token for a namespace does not reach a later one of the same name', async () => {
    const { client_token: old } = await tokenIn(server, 'later', wide[0] ?? '', { no_parent: true })
    for (let at = 0; at < 100; at++) {
      await inside(server, '', 'DELETE', 'sys/namespaces/later').catch(() => undefined)
      if ((await server.call('GET', '/v1/sys/namespaces/later')).status === 404) break
    }
    await makeNamespace(server, 'later')
    await fill('later')
    for (const spelling of spellings('later'))
      expect((await ask(server, spelling, old, 'GET', 'kv/x')).status).to.equal(403)
  })
})
