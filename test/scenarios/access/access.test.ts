import { expect } from 'chai'
import { HandClock } from '../../support/clock.ts'
import { devServer } from '../../support/server.ts'
import type { TestServer } from '../../support/server.ts'

describe('access, over HTTP', () => {
  let server: TestServer
  const clock = new HandClock()
  before(async () => {
    server = await devServer(clock)
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
    await server.data('POST', 'transit/keys/mine', {})
    await server.data('POST', 'transit/keys/yours', {})
  })
  after(async () => server.running.stop())
  const as = (token: string) => ({ 'X-Vault-Token': token })

  it('a missing namespace is not found, which only callers with a token learn; it is never the root one', async () => {
    for (const token of ['root', '']) {
      for (const [method, path] of [
        ['GET', 'sys/mounts'],
        ['GET', 'transit/keys/mine'],
        ['POST', 'auth/token/create'],
      ] as const) {
        const headers = { 'X-Vault-Namespace': 'nowhere', 'X-Vault-Token': token }
        const { status, body } = await server.call(method, `/v1/${path}`, undefined, headers)
        const want = token === 'root' ? [404, 'namespace not found'] : [403, 'permission denied']
        expect([status, body]).to.deep.equal([want[0], { errors: [want[1]] }])
      }
    }
    const life = await server.call('GET', '/v1/sys/seal-status', undefined, { 'X-Vault-Namespace': 'nowhere' })
    expect(life.status).to.equal(200)
    for (const root of ['', '/', 'root', 'root/']) {
      const headers = { 'X-Vault-Namespace': root, 'X-Vault-Token': 'root' }
      const { status } = await server.call('GET', '/v1/sys/mounts', undefined, headers)
      expect(status).to.equal(200)
    }
  })

  it('a pagination limit cuts the list that is answered', async () => {
    const token = await server.tokenWith('path "transit/keys/" { capabilities = ["list"] pagination_limit = 1 }')
    const list = async (query: string) => server.call('GET', `/v1/transit/keys?list=true${query}`, undefined, as(token))
    expect((await list('')).body)
      .to.have.nested.property('data.keys')
      .that.deep.equals(['mine'])
    expect((await list('&after=mine&limit=1')).body)
      .to.have.nested.property('data.keys')
      .that.deep.equals(['yours'])
    expect((await list('&limit=2')).status).to.equal(403)
  })

  it('CVE-2026-12624: a narrower denied folder is listed by no verb: LIST, GET with list=true, SCAN', async () => {
    await server.data('POST', 'sys/mounts/lists', { type: 'kv-v2' })
    for (const path of ['open/a', 'private/a', 'private/granted/a'])
      await server.data('POST', `lists/data/${path}`, { data: { a: 1 } })
    const token = await server.tokenWith(
      'path "lists/metadata/*" { capabilities = ["list", "scan"] }\npath "lists/metadata/private/*" { capabilities = ["deny"] }\npath "lists/metadata/private/granted/*" { capabilities = ["list", "scan"] }',
    )
    const asked = [['LIST', ''], ['GET', '?list=true'], ['SCAN', ''], ['GET', '?scan=true']] as const // prettier-ignore
    for (const [verb, query] of asked)
      for (const [folder, status] of [
        ['open', 200],
        ['private', 403],
        ['private/granted', 200],
      ] as const)
        // prettier-ignore
        for (const slash of ['', '/']) {
          const path = `/v1/lists/metadata/${folder}${slash}${query}`
          expect((await server.call(verb, path, undefined, { 'X-Vault-Token': token })).status, `${verb} ${path}`).to.equal(status)
        }
  })

  it('CVE-2026-93335: a denied policy cannot be read under another spelling of its name', async () => {
    await server.data('PUT', 'sys/policies/acl/prod', { policy: 'path "x" { capabilities = ["read"] }' })
    const token = await server.tokenWith(
      'path "sys/policies/acl/*" { capabilities = ["read"] }\npath "sys/policies/acl/prod" { capabilities = ["deny"] }',
    )
    for (const name of ['prod', 'PROD', 'Prod'])
      expect((await server.call('GET', `/v1/sys/policies/acl/${name}`, undefined, as(token))).status).to.equal(403)
  })

  it('CVE-2026-89322: 200 spellings of a denied path are denied or refused, never let through', async () => {
    const token = await server.tokenWith(
      'path "transit/*" { capabilities = ["read", "update"] }\npath "transit/keys/yours" { capabilities = ["deny"] }',
    )
    expect((await server.call('GET', '/v1/transit/keys/mine', undefined, as(token))).status).to.equal(200)
    const letters = Array.from('yours', (letter) => `%${letter.charCodeAt(0).toString(16)}`)
    const spellings = new Set<string>()
    for (const slash of [
      '/',
      '%2F',
      '%2f',
      '//',
      '/./',
      '/x/../',
      '/%2e/',
      '/x/%2e%2e/',
      '/..%2fkeys/',
      '\\',
      '%5c',
      ';/',
      '/;',
      '%00/',
      '/%20',
    ]) {
      for (const name of [
        'yours',
        letters.join(''),
        `${letters[0]}ours`,
        'yours/',
        'yours%2F',
        'yours%00',
        'yours%20',
        'yours;',
        'yours;a=b',
        'yours%23',
        'yours?x=1',
        'yours%3Fx',
        'YOURS%00',
        'yours%0a',
      ])
        spellings.add(`/v1/transit/keys${slash}${name}`)
    }
    expect(spellings.size).to.be.greaterThan(199)
    for (const path of spellings) {
      const { status, text } = await server.call('GET', path, undefined, as(token))
      expect(status, `${path} ${text}`).to.be.oneOf([301, 307, 400, 403, 404])
    }
  })

  it('CVE-2020-25594: existing and missing paths get the same status, body and time without a token or without rights', async () => {
    const nothing = await server.tokenWith('path "nowhere" { capabilities = ["read"] }')
    const pairs = [
      ['transit/keys/mine', 'transit/keys/none'],
      ['transit/keys/mine', 'none/keys/mine'],
      ['secret/data/x', 'none/data/x'],
      ['sys/mounts/transit', 'sys/mounts/none'],
      ['sys/mounts/transit/tune', 'sys/mounts/none/tune'],
      ['sys/policies/acl/default', 'sys/policies/acl/none'],
      ['sys/policies/acl', 'sys/none/acl'],
      ['auth/token/roles/x', 'auth/none/roles/x'],
      ['auth/token/create', 'auth/none/login'],
      ['sys/quotas/rate-limit/x', 'sys/none'],
    ] as const
    for (const headers of [{}, as(nothing), as('s.nonsense')]) {
      const asked = async (verb: string, path: string): Promise<readonly [answer: string, took: number]> => {
        const begun = performance.now()
        const { status, text } = await server.call(verb, `/v1/${path}`, undefined, headers)
        return [`${status} ${text}`, performance.now() - begun]
      }
      for (const [there, absent] of pairs)
        for (const verb of ['GET', 'LIST', 'SCAN', 'POST', 'PUT', 'DELETE'])
          expect((await asked(verb, there))[0], `${verb} ${there} ${absent}`).to.equal((await asked(verb, absent))[0])
      // Turn by turn, so that a busy machine slows down both. To do what was asked would take several times as long.
      const times: [number[], number[]] = [[], []]
      for (let turn = 0; turn < 101; turn++)
        for (const [at, path] of ['transit/keys/mine', 'none/keys/mine'].entries())
          times[at]?.push((await asked('GET', path))[1])
      const [here = 0, nowhere = 0] = times.map((all) => all.sort((a, b) => a - b)[50])
      expect(here / nowhere).to.be.within(1 / 3, 3)
    }
  })

  it('CVE-2025-5999, CVE-2025-54996, CVE-2024-9180: nobody becomes root by another spelling of its name', async () => {
    const maker = await server.tokenWith('path "auth/token/*" { capabilities = ["create", "update", "sudo"] }')
    const spellings = [
      'root', 'Root', 'ROOT', ' root ', 'root\t', '\troot', 'root\n', 'ro\u212At', 'root,default', 'default,root', 'default, ROOT ',
      'root\u0000', '\u0000root', '\u00a0root', '\ufeffroot', 'root\u200b', '\u3000root', '\uff52\uff4f\uff4f\uff54', 'root/', '/root', 'r\u0585ot',
    ] // prettier-ignore
    const asked = spellings.flatMap((name) => [name, [name], ['default', name], [name, name.toLowerCase()]])
    for (const [at, policies] of asked.entries()) {
      const role = `spelling-${at}`
      const made = [
        server.call('POST', '/v1/auth/token/create', { policies }, as(maker)),
        server.call('POST', '/v1/auth/token/create', { policies, type: 'batch', ttl: '1m' }, as(maker)),
        server.call('POST', '/v1/auth/token/create-orphan', { policies }, as(maker)),
        ...['allowed_policies', 'allowed_policies_glob'].map(async (field) => {
          await server.call('POST', `/v1/auth/token/roles/${role}-${field}`, { [field]: policies }, as(maker))
          return server.call('POST', `/v1/auth/token/create/${role}-${field}`, { policies }, as(maker))
        }),
        (async () => {
          await server.call('POST', `/v1/auth/token/roles/${role}`, { allowed_policies: policies }, as(maker))
          return server.call('POST', `/v1/auth/token/create/${role}`, {}, as(maker))
        })(),
      ]
      for (const reply of await Promise.all(made)) {
        const { policies: given = [], client_token: token = '' } = (reply.body['auth'] ?? {}) as {
          readonly policies?: readonly string[]
          readonly client_token?: string
        }
        const what = JSON.stringify(policies)
        expect(reply.status, what).to.be.oneOf([200, 400, 404])
        expect(given, what).to.not.include('root')
        if (token !== '') expect((await server.call('GET', '/v1/sys/mounts', undefined, as(token))).status, what).to.equal(403)
      }
    }
  }) // prettier-ignore

  it('0.6.4: a child never has more than its parent, whatever it is and by whatever way it is made', async () => {
    const parent = await server.tokenWith('path "auth/token/create*" { capabilities = ["update"] }')
    await server.data('POST', 'auth/token/roles/free', {})
    await server.data('POST', 'auth/token/roles/free-batch', { token_type: 'batch', orphan: true, renewable: false })
    const kinds = [{}, { type: 'batch', ttl: '1m' }, { no_default_policy: false }, { renewable: false }]
    for (const path of ['create', 'create-orphan', 'create/free', 'create/free-batch'])
      for (const kind of kinds) {
        const made = async (body: object) => server.call('POST', `/v1/auth/token/${path}`, body, as(parent))
        const what = `${path} ${JSON.stringify(kind)}`
        for (const policies of [['default'], ['other'], ['root']])
          expect((await made({ ...kind, policies })).status, `${what} ${policies.join()}`).to.equal(400)
        const { body, text } = await made(kind)
        expect((body['auth'] as { readonly policies: readonly string[] }).policies, text).to.not.include('default')
      }
  })

  it('num_uses=1 under 200 parallel requests answers exactly one', async () => {
    const token = await server.tokenWith('path "transit/encrypt/mine" { capabilities = ["update"] }', { num_uses: 1 })
    const replies = await Promise.all(
      Array.from({ length: 200 }, async () =>
        server.call('POST', '/v1/transit/encrypt/mine', { plaintext: 'aGk=' }, as(token)),
      ),
    )
    expect(replies.filter(({ status }) => status === 200)).to.have.length(1)
    expect(replies.filter(({ status }) => status === 403)).to.have.length(199)
  })

  it('CVE-2021-32923: renewing close to the end never makes a token endless', async () => {
    const made = async (): Promise<string> => {
      const body = { policies: ['default'], ttl: '10s', explicit_max_ttl: '10s' }
      const reply = await server.call('POST', '/v1/auth/token/create', body)
      return (reply.body['auth'] as { readonly client_token: string }).client_token
    }
    for (const increment of ['1h', 0, '0s', 1, '']) {
      const tokens = [await made(), await made(), await made()] as const
      for (const [at, wait] of [9500, 500, 600].entries()) {
        clock.advance(wait)
        const renewed = await server.call('POST', '/v1/auth/token/renew-self', { increment }, as(tokens[at] as string))
        const { lease_duration: left } = (renewed.body['auth'] ?? { lease_duration: 0 }) as { readonly lease_duration: number }
        expect(renewed.status === 200 ? left > 0 && left <= 10 : renewed.status >= 400, `${increment} ${wait}`).to.equal(true)
      }
      for (const token of tokens)
        expect((await server.call('GET', '/v1/auth/token/lookup-self', undefined, as(token))).status).to.equal(403)
    }
    const token = await made()
    for (const ttl of [-1, '-1', '-1s', 'NaN', 'Infinity', '1e999s', '1e999', '1e9', '9223372037', '999999999999999999999h', 0.5, true, [], {}]) {
      for (const field of ['ttl', 'lease', 'explicit_max_ttl', 'period'])
        expect((await server.call('POST', '/v1/auth/token/create', { policies: ['default'], [field]: ttl })).status, `${field} ${JSON.stringify(ttl)}`).to.equal(400)
      expect((await server.call('POST', '/v1/auth/token/renew-self', { increment: ttl }, as(token))).status, JSON.stringify(ttl)).to.equal(400)
    }
  }) // prettier-ignore

  it('a failed upsert leaves no key behind', async () => {
    for (const body of [
      { plaintext: 'no base64!' },
      { plaintext: 'aGk=', key_version: 7 },
      { plaintext: 'aGk=', associated_data: '%' },
      { batch_input: [{ plaintext: '!' }] },
    ]) {
      expect((await server.call('POST', '/v1/transit/encrypt/never', body)).status, JSON.stringify(body)).to.equal(400)
    }
    expect((await server.call('GET', '/v1/transit/keys/never')).status).to.equal(404)
  })

  it('50 rotations at once make exactly 50 versions', async () => {
    await server.data('POST', 'transit/keys/turning', {})
    await Promise.all(Array.from({ length: 50 }, async () => server.data('POST', 'transit/keys/turning/rotate')))
    expect((await server.data('GET', 'transit/keys/turning'))['latest_version']).to.equal(51)
  })
})
