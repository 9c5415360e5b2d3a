import { expect } from 'chai'
import { parseHcl } from '../../src/util/hcl/hcl.ts'
import { parsePolicy } from '../../src/policy/document.ts'

const stanza = (setting: string) => `path "a" {\n  capabilities = ["update", "list"]\n  ${setting}\n}`
const json = (setting: string) => `{"path":{"a":{"capabilities":["update","list"],${setting}}}}`

/** What would leave a request freer than it was written to be. */
const freeing = [
  ...['allowed_parameters', 'denied_parameters'].flatMap((name) => [
    ...[
      '[]',
      '{}',
      '[{}]',
      '[[]]',
      '""',
      '0',
      'false',
      '["x"]',
      '[{}, {}]',
      '{ "x" = "" }',
      '{ "x" = 1 }',
      '{ "x" = {} }',
    ].map((value) => `${name} = ${value}`),
    ...['{ "" = [] }', '{ "x" = [[]] }', '{ "x" = [{}] }', '{ "x" = ["a"] "X" = [] }'].map(
      (value) => `${name} = ${value}`,
    ),
    `${name} {}`,
    `${name} { x = [] }\n  ${name} { y = [] }`,
    `${name} "x" {}`,
  ]),
  ...['[]', '""', '{}', '[""]', '[1]', '[[]]', '0', '"x"'].map((value) => `required_parameters = ${value}`),
  ...['min_wrapping_ttl', 'max_wrapping_ttl'].flatMap((name) =>
    ['0', '""', '" "', '"0"', '"0s"', '"500ms"', '0.5', '-1', '"-1h"', '[]', '{}', 'true', '"soon"', '1e99'].map(
      (value) => `${name} = ${value}`,
    ),
  ),
  ...['0', '-1', '""', '"5"', '1.5', '[]', '{}', 'true', '1e99'].map((value) => `pagination_limit = ${value}`),
  ...['""', '" "', '0', '[]', '{}', '"kv/fixed"', '"{{ .path }}"'].map(
    (value) => `list_scan_response_keys_filter_path = ${value}`,
  ),
  ...['""', '" "', '0', '-5', '"0"', '1.5', '1e99', '[]', '{}', 'true', '"2030-01-01"', '"never"'].map(
    (value) => `expiration = ${value}`,
  ),
  ...['""', '"update"', '[""]', '{}', '0', '[1]', '["Update"]', '[" update"]'].map(
    (value) => `capabilities = ${value}`,
  ),
  ...['control_group', 'mfa_methods', 'unknown', 'Allowed_parameters', 'min_wrapping_TTL'].flatMap((name) => [
    `${name} = []`,
    `${name} = {}`,
    `${name} = ""`,
    `${name} {}`,
  ]),
]

const freeingJson = [
  ...['allowed_parameters', 'denied_parameters'].flatMap((name) =>
    [
      'null',
      '[]',
      '{}',
      '[{}]',
      '[null]',
      '[[]]',
      '{"x":null}',
      '{"x":[null]}',
      '{"x":[[]]}',
      '{"x":[{}]}',
      '{"x":""}',
      '{"":[]}',
    ].map((value) => `"${name}":${value}`),
  ),
  ...['null', '[]', '""', '[null]', '[""]', '{}'].map((value) => `"required_parameters":${value}`),
  ...[
    'min_wrapping_ttl',
    'max_wrapping_ttl',
    'pagination_limit',
    'expiration',
    'list_scan_response_keys_filter_path',
  ].flatMap((name) => ['null', '[]', '{}', '""', '0', 'false'].map((value) => `"${name}":${value}`)),
  ...['null', '""', '[null]', '{}'].map((value) => `"capabilities":${value}`),
  '"control_group":null',
  '"mfa_methods":null',
]

describe('a condition that says nothing', () => {
  for (const setting of freeing)
    it(`is refused: ${setting.replaceAll('\n', ' ')}`, () => {
      if (setting.startsWith('capabilities'))
        expect(() => parsePolicy(`path "a" { ${setting} }`)).to.throw(/cannot be read/)
      else expect(() => parsePolicy(stanza(setting))).to.throw(/cannot be read, at line \d+/)
    })

  for (const setting of freeingJson)
    it(`is refused in JSON: ${setting}`, () => {
      const text = setting.startsWith('"capabilities"') ? `{"path":{"a":{${setting}}}}` : json(setting)
      expect(() => parsePolicy(text)).to.throw(/cannot be read, at line \d+/)
    })

  it('the same settings with something in them are taken', () => {
    for (const setting of [
      'allowed_parameters = { "x" = [] "y" = ["a"] }',
      'denied_parameters = { "x" = [true, 1, "1", ["a"], { "b" = "c" }] }',
      'required_parameters = ["x"]',
      'min_wrapping_ttl = 1\n  max_wrapping_ttl = "2s"',
      'pagination_limit = 1',
      'list_scan_response_keys_filter_path = "{{ .path }}{{ .key }}"',
      'expiration = "2030-01-02T03:04:05Z"',
      'expiration = 1893553445',
      'expiration = "1893553445"',
    ])
      expect(() => parsePolicy(stanza(setting)), setting).not.to.throw()
    expect(parsePolicy(stanza('expiration = 1893553445')).rules[0]?.expiration).to.equal(1_893_553_445_000)
    expect(parsePolicy(json('"allowed_parameters":[{"x":[]},{"y":[]}]')).rules[0]?.allowed?.size).to.equal(2)
  })
})

describe('an attribute that is set twice', () => {
  it('is refused with both positions, in policies and in every other text', () => {
    for (const [text, first, second] of [
      ['path "a" {\n capabilities = ["read"]\n capabilities = ["deny"]\n}', 'line 2, column 2', 'line 3, column 2'],
      [
        'path "a" {\n denied_parameters = { "x" = [] }\n denied_parameters { "y" = [] }\n}',
        'line 2, column 2',
        'line 3, column 2',
      ],
      ['path "a" {\n denied_parameters { "x" = ["1"]\n "X" = [] }\n}', 'line 2, column 22', 'line 3, column 2'],
      ['name = "a"\nname = "b"', 'line 1, column 1', 'line 2, column 1'],
      ['{"path":{"a":{"capabilities":["read"],\n"capabilities":["deny"]}}}', 'line 1, column 15', 'line 2, column 1'],
      ['{"path":{"a":{}},\n"path":{"a":{}}}', 'line 1, column 2', 'line 2, column 1'],
    ] as const)
      expect(() => parsePolicy(text), text).to.throw(new RegExp(`${second}.* is set twice, first at ${first}`))
    for (const text of [
      'a = 1\na = 1',
      'b { a = 1 "a" = 2 }',
      'c = [{ a = 1 a = 2 }]',
      'listener "tcp" { d { a = 1, a = 1 } }',
    ])
      expect(() => parseHcl(text), text).to.throw(/"a" is set twice, first at line 1/)
    expect(() => parseHcl('listener "tcp" {}\nlistener "tcp" {}')).not.to.throw()
  })
})
