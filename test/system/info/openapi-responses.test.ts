import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect } from 'chai'
import { f } from '../../../src/contract/field.ts'
import { Returns, body, injected, newToken } from '../../../src/contract/wire/returns.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { lieOf } from '../../support/requests/returns.ts'
import { devServer } from '../../support/server.ts'
import type { Body, TestServer } from '../../support/server.ts'

const at = (value: unknown, ...names: readonly string[]): unknown =>
  names.reduce<unknown>((inner, name) => (inner as Body | undefined)?.[name], value)

describe('the OpenAPI description of responses', () => {
  let server: TestServer
  const document = async (query: string, token = 'root'): Promise<Body> =>
    (await server.call('GET', `/v1/sys/internal/specs/openapi${query}`, undefined, { 'X-Vault-Token': token })).body
  const schemaOf = (from: Body, path: string, verb: string): unknown =>
    at(from, 'paths', path, verb, 'responses', '200', 'content', 'application/json', 'schema')

  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/keys', { type: 'transit' })
    await server.data('POST', 'sys/mounts/old', { type: 'kv', options: { version: '1' } })
  })
  after(async () => server.running.stop())

  it('is valid OpenAPI 3.0, with every mount, with templates of mounts, and for callers without a token', async () => {
    for (const [query, token] of [
      ['', 'root'],
      ['?generic_mount_paths=true', 'root'],
      ['', ''],
    ] as const) {
      // prettier-ignore
      const file = join(temporaryFolder(), 'openapi.json')
      writeFileSync(file, JSON.stringify(await document(query, token)))
      const { status, stdout } = spawnSync(process.execPath, [resolve('node_modules/.bin/validate-api'), file], {
        encoding: 'utf8',
      })
      expect(status, stdout).to.equal(0)
    }
  })

  it('is refused by the validator when it is not valid', () => {
    const file = join(temporaryFolder(), 'openapi.json')
    writeFileSync(file, '{"openapi":"3.0.3","info":{"title":"x","version":"1"},"paths":{"/a":{"get":{"responses":5}}}}')
    expect(spawnSync(process.execPath, [resolve('node_modules/.bin/validate-api'), file]).status).not.to.equal(0)
  })

  it('has the payload in the envelope', async () => {
    const found = await document('')
    const [envelope, data] = at(schemaOf(found, '/secret/data/{path}', 'post'), 'allOf') as readonly [Body, Body]
    expect(envelope).to.deep.equal({ $ref: '#/components/schemas/Envelope' })
    expect(at(data, 'properties', 'data', 'properties', 'version')).to.deep.equal({
      type: 'integer',
      description: 'Its number.',
    })
    expect(at(found, 'components', 'schemas', 'Envelope', 'properties')).to.include.keys('request_id', 'data', 'auth')
  })

  it('has names that only callers know as further members', async () => {
    const schema = at(schemaOf(await document(''), '/old/{path}', 'get'), 'anyOf') as readonly unknown[]
    const payloads = schema.map((one) => at(at(one, 'allOf', '1'), 'properties', 'data'))
    expect(payloads[0]).to.have.deep.property('additionalProperties', {
      description: 'The values of the secret, by their names.',
    })
    expect(payloads[1]).to.have.nested.property('properties.keys')
  })
})

describe('a response and the description of its route', () => {
  const members = { name: f.string(''), count: f.int(''), note: f.map('').orNull() }
  const usual = new Returns(members, 'envelope')

  it('agree on members, types, null and form', () => {
    expect(lieOf(usual, { data: { name: 'a', count: 1, note: { a: 'b' } } })).to.equal(undefined)
    expect(lieOf(usual, { data: { note: null } })).to.equal(undefined)
    expect(lieOf(usual, {})).to.equal(undefined)
    expect(lieOf(injected(members), { data: { count: 1 }, inject: true })).to.equal(undefined)
    expect(lieOf(body(members), { plain: { count: 1 } })).to.equal(undefined)
    expect(lieOf(new Returns({ '*': f.int('') }, 'envelope'), { data: { any: 1 } })).to.equal(undefined)
  })

  it('disagree about everything else', () => {
    expect(lieOf(usual, { data: { other: 1 } })).to.equal('the unknown member other')
    expect(lieOf(usual, { data: { count: '1' } })).to.equal('count: "1" is no int')
    expect(lieOf(usual, { data: { name: null } })).to.equal('name: null is no string')
    expect(lieOf(usual, { data: { note: { a: 1 } } })).to.equal('note: {"a":1} is no map')
    expect(lieOf(usual, { plain: { count: 1 } })).to.equal('the form body in place of envelope')
    expect(lieOf(usual, { data: { count: 1 }, inject: true })).to.equal('the form injected in place of envelope')
    expect(lieOf(newToken, { data: { count: 1 } })).to.equal('the form envelope in place of token')
    expect(lieOf(body(members), { plain: 'text', contentType: 'text/plain' })).to.equal('a text')
    expect(lieOf(new Returns({ '*': f.int('') }, 'envelope'), { data: { any: 'a' } })).to.equal('any: "a" is no int')
    expect(lieOf(undefined, { data: { count: 1 } })).to.equal('content of which the route says nothing')
  })
})
