import { spawnSync } from 'node:child_process'
import { expect } from 'chai'
import * as fc from 'fast-check'
import { parse } from 'yaml'
import { json, sorted } from '../../../src/cli/output/json.ts'
import { centred } from '../../../src/cli/commands/kv/show.ts'
import { suggest } from '../../../src/util/suggest.ts'
import { responseTable, envelope, fieldOf, formatOf } from '../../../src/cli/output/format.ts'
import { cell, keyValues, rfc822, shortDuration, displayValue, table } from '../../../src/cli/output/table.ts'
import { yaml } from '../../../src/cli/output/yaml.ts'
import { readJson } from '../../../src/util/json.ts'
import { leaveOut } from '../../support/leave-out.ts'

const read = (text: string): unknown => readJson(Buffer.from(text))

describe('tables', () => {
  it('are padded to the widest cell, four spaces between, and the last column is not padded', () => {
    expect(
      keyValues([
        ['refresh_interval', '768h'],
        ['v', 1],
      ]),
    ).to.equal(
      // prettier-ignore
      'Key                 Value\n---                 -----\nrefresh_interval    768h\nv                   1',
    )
    expect(table(['Path', 'B'], [['a', '']])).to.equal('Path    B\n----    -\na       n/a')
  })

  it('show values as Go does', () => {
    expect(cell(read('{"b": 1, "a": {"x": []}, "10": null, "9": "t"}'))).to.equal('map[10:<nil> 9:t a:map[x:[]] b:1]')
    expect(cell(read('[1, "b", {"c": 2}, true]'))).to.equal('[1 b map[c:2] true]')
    expect(cell(read('12345678901234567890'))).to.equal('12345678901234567890')
  })

  it('show durations in words only where the key says so and the value is a number', () => {
    expect([2764800, 5400, 90, 0, 3600, 3601].map(shortDuration)).to.deep.equal([
      '768h',
      '1h30m',
      '1m30s',
      '0s',
      '1h',
      '1h0m1s',
    ])
    expect(displayValue('token_ttl', 600)).to.equal('10m')
    expect(displayValue('ttl', '600')).to.equal('600')
    expect(displayValue('interval', 600)).to.equal(600)
  })

  it('write a time as RFC 822 does', () => {
    expect(rfc822('2026-11-23T14:02:11.123456789Z')).to.equal('23 Nov 26 14:02 UTC')
    expect(rfc822('2026-01-01T01:30:00+02:00')).to.equal('31 Dec 25 23:30 UTC')
  })

  it('of key/value stores have a centred heading', () => {
    expect(centred('Metadata', 24)).to.equal('======= Metadata =======')
    expect(centred('Data', 10)).to.equal('== Data ==')
    expect(centred('Secret Path', 5)).to.equal('== Secret Path ==')
    expect(centred('Data', 13)).to.equal('==== Data ====')
  })
})

describe('JSON output', () => {
  it('keeps numbers as the server wrote them, escapes as Go does, and sorts data by bytes', () => {
    const data = read('{"b": 1.50, "10": 12345678901234567890, "9": "<a&b>", "é": {}, "z": []}')
    expect(json(sorted(data))).to.equal(
      '{\n  "10": 12345678901234567890,\n  "9": "\\u003ca\\u0026b\\u003e",\n  "b": 1.50,\n  "z": [],\n  "é": {}\n}',
    )
  })

  it('of a response has its members in the usual order, and auth only where there is one', () => {
    const body = { auth: null, warnings: [], data: { x: 1 }, request_id: 'r', wrap_info: null, mount_type: 'kv' }
    expect(Object.keys(envelope(body))).to.deep.equal([
      'request_id',
      'lease_id',
      'lease_duration',
      'renewable',
      'data',
      'warnings',
    ])
    expect(envelope(body)['warnings']).to.equal(null)
    const auth = envelope({ auth: { client_token: 't', identity_policies: [] } })['auth'] as object
    expect(Object.keys(auth)).to.include.members(['client_token', 'identity_policies', 'mfa_requirement'])
  })
})

describe('YAML output', () => {
  it('gives back the input, for readers of YAML 1.1 and 1.2 alike', () => {
    const words = ['y', 'n', 'yes', 'off', '1e3', '2026-01-01', '010', '0b1', '1_000', '12:30', '~', 'null', 'true', '']
    const value = Object.fromEntries([...words, 'plain', 'two\nlines\n', '- x', 'a: b'].map((word) => [word, word]))
    expect(parse(yaml(value), { version: '1.1' })).to.deep.equal(value)
    expect(parse(yaml(value))).to.deep.equal(value)
  })

  describe('of any characters', () => {
    const strings = fc.string({
      unit: fc.constantFrom(
        ...Array.from(
          '\n\n \t\r\u0085\u2028\u2029\u007f\u009f\u00a0\ufeff\u0000\u001b:-#|>"\'\\&*!%@`,[]{}?=.0159eExy~é日😀',
        ),
      ),
      maxLength: 12,
    })
    const values = fc.dictionary(strings, strings, { maxKeys: 4, noNullPrototype: true })

    it('is read alike by readers of 1.1 and 1.2', () => {
      fc.assert(
        fc.property(values, (value) => {
          for (const version of ['1.1', '1.2'] as const) expect(parse(yaml(value), { version })).to.deep.equal(value)
        }),
        { numRuns: 500 },
      )
    })

    it('is read alike by PyYAML', function () {
      if (spawnSync('python3', ['-c', 'import yaml']).status !== 0)
        leaveOut(this, 'no PyYAML for python3 (Debian: python3-yaml)')
      const script =
        'import json, sys, yaml; print(json.dumps([yaml.safe_load(text) for text in json.load(sys.stdin)]))'
      fc.assert(
        fc.property(fc.array(values, { minLength: 50, maxLength: 50 }), (all) => {
          const input = JSON.stringify(all.map(yaml))
          const python = spawnSync('python3', ['-c', script], { input, encoding: 'utf8' })
          expect(python.status, python.stderr).to.equal(0)
          expect(JSON.parse(python.stdout)).to.deep.equal(all)
        }),
        { numRuns: 10 },
      )
    })
  })

  it('sorts keys, and writes strings of several lines as a block', () => {
    expect(yaml({ b: 'x\ny\n', a: ['n'], n: 1 })).to.equal('a:\n- "n"\nb: |\n  x\n  y\n"n": 1\n')
  })
})

describe('answers', () => {
  const auth = { client_token: 't', accessor: 'a', lease_duration: 0, renewable: false, policies: ['root'] }

  it('show an auth block in its order, for ever as ∞', () => {
    const shown = responseTable({ auth: { ...auth, token_policies: ['root'], metadata: { user: 'ann' } } })
    expect(shown).to.match(/^token_duration +∞$/m)
    expect(shown).to.match(/^token_policies +\["root"\]$/m)
    expect(shown).to.match(/^token_meta_user +ann$/m)
  })

  it('show a lease first', () => {
    expect(responseTable({ data: { a: 1 }, lease_duration: 1800 })).to.match(/refresh_interval +30m\na +1$/)
    expect(responseTable({ data: { a: 1 }, lease_duration: 60, lease_id: 'x/1' })).to.match(/lease_id +x\/1\n/)
  })

  it('give fields by the names of the table and of the JSON', () => {
    expect(fieldOf({ auth }, 'token')).to.equal('t')
    expect(fieldOf({ wrap_info: { token: 'w', ttl: 60 } }, 'wrapping_token_ttl')).to.equal(60)
    expect(fieldOf({ data: { data: 1 }, request_id: 'r' }, 'data')).to.equal(1)
    expect(fieldOf({ data: { x: 1 } }, 'data')).to.deep.equal({ x: 1 })
    expect(fieldOf({ data: { x: 1 }, request_id: 'r' }, 'request_id')).to.equal('r')
    expect(fieldOf({ data: { x: null } }, 'x')).to.equal(undefined)
    expect(fieldOf({ data: {} }, 'toString')).to.equal(undefined)
  })

  it('know their formats in any case, and say which they do not have', () => {
    expect(formatOf('JSON', false)).to.equal('json')
    expect(formatOf('yml', false)).to.equal('yaml')
    expect(formatOf('', false)).to.equal('table')
    expect(() => formatOf('xml', false)).to.throw('Invalid output format: xml')
    expect(() => formatOf('raw', false)).to.throw('-format=raw')
    expect(() => formatOf('constructor', false)).to.throw('Invalid output format')
  })

  it('are guessed only from words that are near', () => {
    expect(suggest('statsu', ['status', 'seal'])).to.equal('status')
    expect(suggest('nonsense', ['status', 'seal'])).to.equal(undefined)
    expect(suggest('plugin', ['login', 'print'])).to.equal(undefined)
    expect(suggest('operator raft', ['operator init', 'operator rekey'])).to.equal(undefined)
    expect(suggest('opertor iint', ['operator init', 'operator rekey'])).to.equal('operator init')
    expect(suggest('kv metdata get', ['kv metadata get', 'kv get'])).to.equal('kv metadata get')
  })
})
