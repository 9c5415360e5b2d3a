import { expect } from 'chai'
import { assert, property, string } from 'fast-check'
import type { Principal } from '../../../../src/contract/identity.ts'
import { readTemplate, templateText } from '../../../../src/engines/identity/oidc/templates.ts'

const principal = (metadata: Readonly<Record<string, string>> = {}): Principal => ({
  entity: {
    id: 'an-id',
    name: 'anna',
    metadata,
    aliases: [{ id: 'alias-id', name: 'a@x', mountAccessor: 'auth_x_1', metadata: { m: '1' }, customMetadata: { 'c.d': '2' } }],
    policies: [],
    disabled: false,
  },
  groups: [{ id: 'g1', name: 'crew', metadata: {}, policies: [], namespace: 'root' }],
}) // prettier-ignore

const claimsOf = (template: string, metadata: Readonly<Record<string, string>> = {}) =>
  readTemplate(templateText(template)).claims({ principal: principal(metadata), now: 1000 })

describe('templates of claims', () => {
  it('stand for the values of an entity', () => {
    const at = 'identity.entity'
    const values: Readonly<Record<string, unknown>> = {
      [`${at}.id`]: 'an-id',
      [`${at}.name`]: 'anna',
      [`${at}.metadata`]: { team: 'red' },
      [`${at}.metadata.team`]: 'red',
      [`${at}.metadata.none`]: '',
      [`${at}.metadata.__proto__`]: '',
      [`${at}.groups.ids`]: ['g1'],
      [`${at}.groups.names`]: ['crew'],
      [`${at}.aliases.auth_x_1.id`]: 'alias-id',
      [`${at}.aliases.auth_x_1.name`]: 'a@x',
      [`${at}.aliases.auth_x_1.metadata`]: { m: '1' },
      [`${at}.aliases.auth_x_1.metadata.m`]: '1',
      [`${at}.aliases.auth_x_1.custom_metadata`]: { 'c.d': '2' },
      [`${at}.aliases.auth_x_1.custom_metadata.c.d`]: '2',
      [`${at}.aliases.none.name`]: '',
      [`${at}.aliases.none.id`]: '',
      [`${at}.aliases.none.metadata`]: {},
      [`${at}.aliases.none.custom_metadata.x`]: '',
      'time.now': 1000,
      'time.now.plus.1h': 4600,
      'time.now.minus.10': 990,
    }
    for (const [directive, value] of Object.entries(values))
      expect(claimsOf(`{"a": [{{${directive}}}], "b": {{ ${directive} }}}`, { team: 'red' }), directive).to.deep.equal({
        a: [value],
        b: value,
      })
    expect(claimsOf('')).to.deep.equal({})
    expect(claimsOf(Buffer.from('{"z":1}').toString('base64'))).to.deep.equal({ z: 1 })
  })

  it('are refused when they set claims of the server, or are no object of values', () => {
    for (const name of ['iss', 'aud', 'sub', 'exp', 'iat', 'namespace', 'nonce', 'auth_time', 'at_hash', 'c_hash'])
      expect(() => readTemplate(`{"${name}": 1}`), name).to.throw(name)
    expect(() => readTemplate('{"\\u0069ss": 1}'), 'escaped').to.throw('iss')
    for (const template of ['nonsense', '[1]', '"x"', '1', '{', '{"a":{{x}}}', '{"a":{{identity.entity.nonsense}}}', '{"a":{{identity.entity.name}', '{"a":{{identity.groups.names.x.id}}}', '{"a":{{identity.entity.name.x}}}', '{"a":"{{identity.entity.name}}"}', '{"a":"x{{identity.entity.metadata}}y"}', '{{{identity.entity.name}}:1}', '{"b":{{{identity.entity.id}}:1}}', '{"a":{{}}}', '{"a":1,"a":2}', '{"a":{{time.now.plus.x}}}', '{"a":{{time.now.times.1h}}}', '{"a":{{identity.entity.policies}}}', `{"a":"${'x'.repeat(17_000)}"}`, `{"a":${'['.repeat(40)}${']'.repeat(40)}}`])
      expect(() => readTemplate(templateText(template)), template.slice(0, 60)).to.throw()
  }) // prettier-ignore

  it('take a value as one value, whatever characters it has', () => {
    assert(
      property(string({ unit: 'binary' }), string({ unit: 'grapheme', minLength: 1 }), (value, key) => {
        const metadata = { m: value, [key]: '{{identity.entity.id}}' }
        const template = '{"before":1,"one":{{identity.entity.metadata.m}},"all":{{identity.entity.metadata}},"after":2}'
        expect(claimsOf(template, metadata)).to.deep.equal({
          before: 1,
          one: metadata.m,
          all: metadata,
          after: 2,
        })
      }),
      { numRuns: 500 },
    )
  }) // prettier-ignore
})
