import { expect } from 'chai'
import * as fc from 'fast-check'
import { f } from '../../src/contract/field.ts'
import type { Field, Fields } from '../../src/contract/field.ts'
import { violation } from '../../src/policy/parameters/parameters.ts'
import { devServer } from '../support/server.ts'
import type { TestServer } from '../support/server.ts'

/** Every kind of field that a route can have. */
const kinds: Fields = {
  string: f.string(''), bool: f.bool(''), int: f.int(''), number: f.number(''), duration: f.duration(''), list: f.list(''),
  texts: f.texts(''), map: f.map(''), object: f.object(''), array: f.array(''), base64: f.base64(''), any: f.any(''),
} // prettier-ignore

/** Few values, in many spellings, so that they meet. */
const scalar = fc.oneof(
  fc.constantFrom<unknown>(
    true,
    false,
    0,
    1,
    5,
    60,
    3600,
    '0',
    '1',
    't',
    'T',
    'True',
    'true',
    'TRUE',
    'f',
    'False',
    '',
    '5',
    ' 5 ',
    '5.0',
  ),
  fc.constantFrom<unknown>(
    '1h',
    '60m',
    '3600',
    '3600s',
    '1m',
    '60s',
    'a',
    'A',
    ' a',
    'b',
    'a,b',
    'b,a',
    'a, b',
    'a=b',
    'YQ==',
    'YQ==\n',
    'YR==',
  ),
)
const value = fc.oneof(
  scalar,
  fc.constant<unknown>(null),
  fc.array(scalar, { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('a', 'b'), scalar, { maxKeys: 2 }),
  fc.array(fc.dictionary(fc.constantFrom('a', 'b'), scalar, { maxKeys: 2 }), { maxLength: 2 }),
)
const none = { allowed: new Map(), denied: new Map(), required: new Set<string>() }
const read = (field: Field<unknown>, given: unknown): unknown => (given === null ? field.zero : field.parse(given))
/** Equal where two values are: the order of names does not count. */
const shown = (parsed: unknown): string => JSON.stringify(parsed instanceof Uint8Array ? [...parsed] : sorted(parsed))
const sorted = (parsed: unknown): unknown =>
  typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
    ? Object.fromEntries(Object.entries(parsed).sort(([a], [b]) => (a < b ? -1 : 1)))
    : parsed

describe('the values of a rule', () => {
  for (const [kind, field] of Object.entries(kinds)) {
    const fields = { x: field }

    it(`a ${kind}: whatever the route reads as a denied value is denied, and as an allowed one allowed`, () => {
      fc.assert(
        fc.property(value, value, (rule, sent) => {
          const [a, b] = [read(field, rule), read(field, sent)]
          if (rule === null || a === undefined || b === undefined || shown(a) !== shown(b)) return
          const rules = new Map([['x', [rule]]])
          const what = `${JSON.stringify(rule)} and ${JSON.stringify(sent)}`
          expect(violation({ ...none, denied: rules }, { data: { x: sent }, fields })?.kind, what).to.equal('denied')
          expect(violation({ ...none, allowed: rules }, { data: { x: sent }, fields }), what).to.equal(undefined)
        }),
        { numRuns: 4000 },
      )
    })

    it(`a ${kind}: a value that the route reads as another one is not allowed`, () => {
      fc.assert(
        fc.property(value, value, (rule, sent) => {
          const [a, b] = [read(field, rule), read(field, sent)]
          if (rule === null || a === undefined || b === undefined || shown(a) === shown(b)) return
          const rules = new Map([['x', [rule]]])
          const what = `${JSON.stringify(rule)} and ${JSON.stringify(sent)}`
          expect(violation({ ...none, allowed: rules }, { data: { x: sent }, fields })?.kind, what).to.equal(
            'not allowed',
          )
        }),
        { numRuns: 4000 },
      )
    })
  }

  it('other names of a thing, and the path, do not lead around a rule', () => {
    const fields = { ttl: f.duration(''), lease: f.duration('').alias('ttl'), name: f.string('') }
    const denied = new Map<string, unknown[]>([
      ['ttl', ['1h']],
      ['name', ['bob']],
    ])
    for (const data of [{ ttl: 3600 }, { lease: '60m' }, { TTL: '1h' }])
      expect(violation({ ...none, denied }, { data, fields })?.kind, JSON.stringify(data)).to.equal('denied')
    expect(violation({ ...none, denied: new Map([['lease', []]]) }, { data: { ttl: 1 }, fields })?.kind).to.equal(
      'denied',
    )
    expect(violation({ ...none, denied }, { data: { name: 'ann' }, fields, params: { name: 'bob' } })?.kind).to.equal(
      'denied',
    )
    const allowed = new Map<string, unknown[]>([
      ['ttl', ['1h']],
      ['*', []],
      ['name', ['ann']],
    ])
    expect(violation({ ...none, allowed }, { data: { lease: 7200 }, fields })?.kind).to.equal('not allowed')
    expect(violation({ ...none, allowed }, { data: { lease: '3600s' }, fields })).to.equal(undefined)
    expect(violation({ ...none, allowed }, { data: {}, fields, params: { name: 'bob' } })?.kind).to.equal('not allowed')
  })

  it('a pattern does not let a list through of which one member does not fit', () => {
    const fields = { policies: f.list('') }
    const conditions = { ...none, allowed: new Map([['policies', ['dev-*']]]) }
    for (const policies of ['dev-a', 'dev-a,dev-b', ['dev-a']])
      expect(violation(conditions, { data: { policies }, fields }), JSON.stringify(policies)).to.equal(undefined)
    for (const policies of ['dev-a,root', ['dev-a', 'root'], 'root', 'dev-a, root'])
      expect(violation(conditions, { data: { policies }, fields })?.kind, JSON.stringify(policies)).to.equal(
        'not allowed',
      )
  })
})

describe('denied values over HTTP', () => {
  let server: TestServer
  before(async () => {
    server = await devServer()
    await server.data('POST', 'sys/mounts/transit', { type: 'transit' })
  })
  after(async () => server.running.stop())

  const status = async (rules: string, path: string, body: unknown): Promise<number> => {
    const token = await server.tokenWith(`path "${path}" { capabilities = ["create", "update"] ${rules} }`)
    return (await server.call('POST', `/v1/${path}`, body, { 'X-Vault-Token': token })).status
  }

  it('no spelling of true makes a key exportable', async () => {
    const rules = 'denied_parameters = { "exportable" = ["true"] }'
    for (const exportable of [true, 'true', 'True', 'TRUE', 't', 'T', '1', 1])
      expect(await status(rules, 'transit/keys/a', { exportable }), JSON.stringify(exportable)).to.equal(403)
    for (const exportable of [false, 'f', 0, '0'])
      expect(await status(rules, 'transit/keys/a', { exportable }), JSON.stringify(exportable)).to.equal(200)
  })

  it('Vault 2.0.4: no spelling of a policy slips past, in whatever case or list', async () => {
    const rules = 'denied_parameters = { "policies" = ["Admin"] "ttl" = ["1h"] "num_uses" = ["5"] }'
    for (const policies of ['admin', 'ADMIN', ' Admin ', ['aDmin'], ['x', ' ADMIN'], 'x,admin'])
      expect(await status(rules, 'auth/token/create', { policies }), JSON.stringify(policies)).to.equal(403)
    for (const body of [
      { ttl: '60m' },
      { ttl: 3600 },
      { lease: '3600s' },
      { ttl: '0.5h30m' },
      { num_uses: 5 },
      { num_uses: ' 5' },
    ])
      expect(await status(rules, 'auth/token/create', body), JSON.stringify(body)).to.equal(403)
  })

  it('items of a batch have parameters, too', async () => {
    await server.data('POST', 'transit/keys/tenants', { derived: true })
    const item = { plaintext: 'eA==', context: 'YQ==', key_version: 1 }
    const other = { plaintext: 'eA==', context: 'Yg==', key_version: 1 }
    const path = 'transit/encrypt/tenants'
    const denied = 'denied_parameters = { "context" = ["YQ=="] }'
    const allowed = 'allowed_parameters = { "context" = ["Yg=="] "*" = [] }'
    for (const rules of [denied, allowed]) {
      for (const body of [item, { batch_input: [item] }, { batch_input: [other, item] }])
        expect(await status(rules, path, body), `${rules} ${JSON.stringify(body)}`).to.equal(403)
      for (const body of [other, { batch_input: [other] }])
        expect(await status(rules, path, body), `${rules} ${JSON.stringify(body)}`).to.equal(200)
    }
    expect(await status('denied_parameters = { "key_version" = [] }', path, { batch_input: [item] })).to.equal(403)
  })

  it('base64 with line breaks is still denied', async () => {
    await server.data('POST', 'transit/keys/wrapped', { derived: true })
    const rules = 'denied_parameters = { "context" = ["YWJj"] }'
    for (const context of ['YWJj', 'YW\nJj', 'YWJj\r\n'])
      expect(await status(rules, 'transit/encrypt/wrapped', { plaintext: 'eA==', context }), context).to.equal(403)
  })

  it('a hash function has several names and may be in the path', async () => {
    await server.data('POST', 'transit/keys/signer', { type: 'rsa-2048' })
    const denied = 'denied_parameters = { "hash_algorithm" = ["sha1"] }'
    const allowed = 'allowed_parameters = { "hash_algorithm" = ["sha2-512"] "*" = [] }'
    const input = 'eA=='
    for (const rules of [denied, allowed]) {
      expect(await status(rules, 'transit/sign/signer/sha1', { input })).to.equal(403)
      expect(await status(rules, 'transit/sign/signer/sha2-512', { input })).to.equal(200)
      for (const [name, wanted] of [['sha1', 403], ['sha2-512', 200]] as const)
        for (const member of ['hash_algorithm', 'algorithm'])
          expect(await status(rules, 'transit/sign/signer', { input, [member]: name }), `${rules} ${member} ${name}`).to.equal(wanted) // prettier-ignore
    }
    const mac = 'denied_parameters = { "algorithm" = ["sha2-512"] }'
    expect(await status(mac, 'transit/hmac/signer/sha2-512', { input })).to.equal(403)
    expect(await status(mac, 'transit/hmac/signer/sha2-256', { input })).to.equal(200)
  })

  it('an omitted, null or empty parameter has its default', async () => {
    const limited = 'denied_parameters = { "num_uses" = [0] }'
    for (const [body, wanted] of [
      [{}, 403],
      [{ num_uses: null }, 403],
      [{ num_uses: 2 }, 200],
    ] as const)
      expect(await status(limited, 'auth/token/create', body), JSON.stringify(body)).to.equal(wanted)
    const hash = 'denied_parameters = { "hash_algorithm" = ["sha2-256"] }'
    const input = 'eA=='
    for (const [body, wanted] of [
      [{ input }, 403],
      [{ input, hash_algorithm: '' }, 403],
      [{ input, hash_algorithm: 'sha2-512' }, 200],
    ] as const)
      expect(await status(hash, 'transit/sign/signer', body), JSON.stringify(body)).to.equal(wanted)
    // A pattern, or a rule against the name, is about what was sent.
    for (const values of ['"*"', '"sha*"', ''])
      expect(await status(`denied_parameters = { "hash_algorithm" = [${values}] }`, 'transit/sign/signer', { input })).to.equal(200) // prettier-ignore
  })
})
