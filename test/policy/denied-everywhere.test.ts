import { readFileSync } from 'node:fs'
import { expect } from 'chai'
import { operationsOf } from '../support/requests/operations.ts'
import type { Operation } from '../support/requests/operations.ts'
import { devServer } from '../support/server.ts'
import type { Body, TestServer } from '../support/server.ts'

/** By type of parameter: what a rule denies, in HCL; spellings of the same; and another value. */
const kinds: Readonly<Record<string, { readonly rule: string; readonly same: readonly unknown[]; readonly other: unknown }>> = {
  string: { rule: '"Word"', same: ['Word', 'word', 'WORD', ' Word', 'word\n', '\tWORD '], other: 'else' },
  integer: { rule: '60', same: [60, '60', ' 60', '60 '], other: 61 },
  number: { rule: '60', same: [60, '60', '60.0', ' 60'], other: 61 },
  boolean: { rule: 'true', same: [true, 1, 'true', 'True', 'TRUE', 't', '1'], other: false },
  array: { rule: '"Word"', same: ['Word', 'word', ['WORD'], 'x,word', ['x', ' word '], ' WORD ,x', [['word']]], other: 'else' },
  object: { rule: '{ "a" = "b" }', same: [{ a: 'b' }], other: { a: 'c' } },
} // prettier-ignore
/** Durations are strings to OpenAPI. */
const durations: readonly unknown[] = [3600, '3600', '3600s', '60m', '1h', ' 1h', '0.5h30m']

describe('a denied value', () => {
  let server: TestServer
  let operations: readonly Operation[]
  before(async () => {
    server = await devServer()
    for (const type of ['transit', 'totp', 'kv']) await server.data('POST', `sys/mounts/${type}`, { type })
    for (const type of ['userpass', 'approle', 'jwt', 'kubernetes', 'cert', 'ldap'])
      await server.data('POST', `sys/auth/${type}`, { type })
    const document = await server.call('GET', '/v1/sys/internal/specs/openapi')
    operations = operationsOf((document.body['data'] ?? document.body) as Body)
  })
  after(async () => server.running.stop())

  it('Vault 2.0.4: does not slip past, however it is spelled, in any parameter of any route', async function () {
    this.timeout(120_000)
    // No policy is asked about these.
    const open = readFileSync('test/scenarios/access/public-routes.txt', 'utf8').split('\n')
    let [denied, free] = [0, 0]
    for (const { path, method, kinds: types } of operations) {
      const fields = Object.entries(types).filter(([, type]) => Object.hasOwn(kinds, type))
      if (method === 'GET' || method === 'DELETE' || fields.length === 0 || open.includes(`${method} ${path.slice(1)}`)) continue
      const plain = path.slice(1).replaceAll(/\{\w+\}/g, 'x')
      const rules = fields.map(([name, type]) => `"${name}" = [${kinds[type]?.rule}${type === 'string' ? ', "1h"' : ''}]`)
      const token = await server.tokenWith(`path "${plain}" { capabilities = ["create", "update", "patch", "sudo"]\ndenied_parameters = {\n${rules.join('\n')}\n} }`)
      const sent = async (field: string, value: unknown): Promise<number> => {
        const headers = { 'X-Vault-Token': token, ...(method === 'PATCH' && { 'Content-Type': 'application/merge-patch+json' }) }
        return (await server.call(method, `/v1/${plain}`, { [field]: value }, headers)).status
      }
      for (const [name, type] of fields) {
        const { same = [], other } = kinds[type] ?? {}
        for (const value of [...same, ...(type === 'string' ? durations.slice(2) : [])]) {
          expect(await sent(name, value), `${method} ${plain} ${name} ${JSON.stringify(value)}`).to.equal(403)
          denied++
        }
        if ((await sent(name, other)) !== 403) free++
      }
    }
    expect(denied).to.be.greaterThan(1000)
    expect(free).to.be.greaterThan(100)
  }) // prettier-ignore
})
