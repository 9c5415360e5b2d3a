import { expect } from 'chai'
import { compileAcl } from '../../../src/policy/acl.ts'
import { builtinPolicies } from '../../../src/policy/builtin.ts'
import { parsePolicy } from '../../../src/policy/document.ts'
import { worstPolicies } from '../../support/requests/bodies.ts'
import { MeasuredServer } from '../../support/processes/measured.ts'
import { worstForms, worstValues } from '../../support/requests/bodies.ts'

const form = { 'Content-Type': 'application/x-www-form-urlencoded' }

interface Operation {
  readonly path: string
  readonly method: 'GET' | 'POST'
  readonly fields: readonly string[]
}

type Document = Readonly<Record<string, Readonly<Record<string, unknown>>>>
const under = (holder: unknown, ...names: readonly string[]): unknown =>
  names.reduce((at, name) => (at as Readonly<Record<string, unknown>> | undefined)?.[name], holder)

/** Every operation that needs no token, or that the policy `default` allows. */
function openOperations(document: unknown): Operation[] {
  const policies = [{ name: 'default', document: parsePolicy(builtinPolicies.default) }]
  const acl = compileAcl(policies, { now: () => 0 })
  return Object.entries(under(document, 'paths') as Document).flatMap(([path, item]) => {
    const plain = path.slice(1).replaceAll(/\{\w+\}/g, 'x')
    const allowed = !acl.capabilities(plain).includes('deny')
    return (['get', 'post'] as const)
      .filter((method) => item[method] && (allowed || under(item[method], 'security') === undefined))
      .map((method) => ({
        path: plain,
        method: method.toUpperCase() as 'GET' | 'POST',
        fields: fieldsOf(document, item[method]),
      }))
  })
}

function fieldsOf(document: unknown, operation: unknown): string[] {
  const schema = under(operation, 'requestBody', 'content', 'application/json', 'schema')
  const reference = under(schema, '$ref')
  const name = typeof reference === 'string' ? reference.slice(reference.lastIndexOf('/') + 1) : ''
  const found = name === '' ? schema : under(document, 'components', 'schemas', name)
  return Object.keys((under(found, 'properties') as object | undefined) ?? {})
}

describe('the event loop', function () {
  this.timeout(15 * 60_000)
  let server: MeasuredServer
  let operations: readonly Operation[]

  before(async () => {
    server = await MeasuredServer.start()
    const document = await server.http.call('GET', '/v1/sys/internal/specs/openapi')
    operations = openOperations(document.body['data'] ?? document.body)
  })
  after(async () => server.stop())

  const turnsQuickly = async (what: string, work: () => Promise<unknown>): Promise<void> =>
    server.turnsQuickly(what, work)
  const tokenOf = async (policies: readonly string[]): Promise<string> => {
    const reply = await server.http.call('POST', '/v1/auth/token/create', { policies })
    return String(under(reply.body, 'auth', 'client_token'))
  }

  it('CVE-2025-6203, CVE-2025-59043: is not blocked by the worst JSON or form for any route that is public or in the policy default', async () => {
    expect(operations.length).to.be.greaterThan(25)
    for (const { path, method, fields } of operations) {
      const token = { 'X-Vault-Token': await tokenOf(['default']) }
      if (method === 'GET') {
        const query = 'a=%41&'.repeat(2000)
        await turnsQuickly(`GET ${path}`, () => server.http.call('GET', `/v1/${path}?${query}`, undefined, token))
        continue
      }
      for (const [shape, body] of worstForms())
        await turnsQuickly(`POST ${path}, a form of ${shape}`, () =>
          server.http.call('POST', `/v1/${path}`, body, { ...token, ...form }),
        )
      for (const field of ['unknown', ...fields])
        for (const [shape, value] of worstValues())
          await turnsQuickly(`POST ${path}, ${field} is ${shape}`, () =>
            server.http.call('POST', `/v1/${path}`, `{${JSON.stringify(field)}:${value}}`, token),
          )
    }
  })

  it('is not blocked by writing, compiling, querying or explaining a policy', async () => {
    const { http } = server
    for (const [shape, policy] of worstPolicies()) {
      await http.call('DELETE', '/v1/sys/policies/acl/worst')
      await turnsQuickly(`writing a policy of ${shape}`, () =>
        http.call('POST', '/v1/sys/policies/acl/worst', { policy }),
      )
      await turnsQuickly(`a password policy of ${shape}`, () =>
        http.call('POST', '/v1/sys/policies/password/worst', { policy }),
      )
      const token = await tokenOf(['worst'])
      const ask = async (path: string, data: unknown) =>
        http.call('POST', `/v1/${path}`, data, { 'X-Vault-Token': token })
      await turnsQuickly(`compiling a policy of ${shape}`, () => ask('auth/token/lookup-self', {}))
      const paths = Array.from({ length: 1000 }, (_, at) => `a/${at}/${'b/'.repeat(30)}`)
      await turnsQuickly(`capabilities under a policy of ${shape}`, () => ask('sys/capabilities-self', { paths }))
      const parameters = Object.fromEntries(Array.from({ length: 1000 }, (_, at) => [`p${at}`, 'v']))
      for (const operation of ['update', 'list', 'delete'])
        await turnsQuickly(`explaining ${operation} under a policy of ${shape}`, () =>
          ask('sys/policies/explain-self', { path: `a/${'b/'.repeat(3000)}x`, operation, parameters }),
        )
    }
  })

  it('is not blocked by conditions for parameters', async () => {
    const { http } = server
    const values = Array.from({ length: 1000 }, (_, at) => `"v${at}"`).join(',')
    const patterns = Array.from({ length: 50 }, (_, at) => `"*v${at}*"`).join(',')
    for (const rules of [`"input" = [${values}]`, `"input" = [${patterns}]`, `"other" = []`])
      for (const kind of ['denied_parameters', 'allowed_parameters']) {
        const policy = `path "sys/tools/hash" { capabilities = ["update"] ${kind} = { ${rules} } }`
        await http.call('POST', '/v1/sys/policies/acl/conditions', { policy })
        const token = await tokenOf(['conditions'])
        for (const [shape, value] of worstValues())
          await turnsQuickly(`${kind} ${rules.slice(0, 20)}, input is ${shape}`, () =>
            http.call('POST', '/v1/sys/tools/hash', `{"input":${value}}`, { 'X-Vault-Token': token }),
          )
      }
  })

  it('limits of forms, queries and rules have clear messages', async () => {
    const { http } = server
    const token = { 'X-Vault-Token': http.token }
    const refusals = [
      await http.call('POST', '/v1/sys/tools/hash', 'a=b&'.repeat(1001), { ...token, ...form }),
      await http.call('POST', '/v1/sys/capabilities-self', { paths: Array(1001).fill('a') }),
      await http.call('POST', '/v1/sys/policies/explain-self', {
        path: 'a',
        parameters: Object.fromEntries(Array.from({ length: 1001 }, (_, at) => [`p${at}`, 1])),
      }),
      await http.call('POST', '/v1/sys/policies/explain', { path: 'a', policies: Array(101).fill('default') }),
      await http.call('POST', '/v1/sys/policies/acl/x', {
        policy: `path "a" { required_parameters = [${'"a",'.repeat(1001)}] }`,
      }),
      await http.call('POST', '/v1/sys/policies/acl/x', { policy: 'path "a" {}\n'.repeat(2001) }),
    ]
    for (const { status, text } of refusals) {
      expect(status, text).to.equal(400)
      expect(text).to.match(/at most \d+|more than \d+/)
    }
  })
})
