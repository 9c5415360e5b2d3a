import { jsonLimits } from '../../../src/util/json-limits.ts'

/** As much as a request may hold. */
const whole = jsonLimits.bytes - 100

const filled = (part: string, size = whole): string => part.repeat(Math.floor(size / part.length))
const counted = (count: number, part: (at: number) => string, between = ','): string =>
  Array.from({ length: count }, (_, at) => part(at)).join(between)

/** Forms that cost most to read, or to refuse. */
export const worstForms = (): readonly (readonly [string, string])[] => [
  ['a million names', filled('a&')],
  ['different names', counted(400_000, (at) => at.toString(36), '&')],
  ['the most names there may be', counted(1000, (at) => `${at.toString(36)}=${filled('%41', 3900)}`, '&')],
  ['equals signs', filled('=')],
  ['plus signs', `a=${filled('+')}`],
  ['percent encodings', `a=${filled('%e2%82%ac')}`],
  ['blanks', `${filled(' ')}x`],
]

/** JSON values that cost most to read, to judge and to audit. */
export const worstValues = (): readonly (readonly [string, string])[] => [
  ['one long text', `"${filled('x')}"`],
  ['a text of commas', `"${filled(',')}"`],
  ['a text of short words', `"${filled('v1,')}"`],
  ['a text of pairs', `"${filled('a=b,')}"`],
  ['a text of units', `"${filled('1h')}"`],
  ['a text of digits', `"${filled('1')}"`],
  ['a text of base64', `"${filled('QUJD')}"`],
  ['a text of escapes', `"${filled('\\u00e9')}"`],
  ['a list of texts', `[${counted(90_000, () => '"v1"')}]`],
  ['a list of long texts', `[${counted(4000, () => `"${'v'.repeat(1000)}"`)}]`],
  ['a list of numbers', `[${counted(19_000, () => '1.50')}]`],
  ['a list of objects', `[${counted(19_000, () => '{"a":1}')}]`],
  ['an object of names', `{${counted(9900, (at) => `"k${at}":"v"`)}}`],
  ['objects of names', `[${counted(10, (list) => `{${counted(990, (at) => `"k${list}_${at}":"v"`)}}`)}]`],
  ['deep', `${'['.repeat(62)}${']'.repeat(62)}`],
  ['a number of many digits', '1'.repeat(4000)],
]

const most = 256 * 1024 - 200
const manyOf = (part: (at: number) => string, size = most): string => {
  const parts: string[] = []
  for (let [at, length] = [0, 0]; ; at++) {
    const next = part(at)
    length += next.length
    if (length > size) return parts.join('')
    parts.push(next)
  }
}
const stanza = (settings: string): string => `path "a/*" { capabilities = ["update", "read", "list"]\n${settings}\n}`
const rules = (count: number, part: (at: number) => string): string => counted(count, part, '\n')

/** Policies that cost most to read, or to refuse, or to compile, or to judge by. */
export const worstPolicies = (): readonly (readonly [string, string])[] => [
  ['exact paths', rules(2000, (at) => `path "p${at}" { capabilities = ["read"] }`)],
  ['prefixes of all lengths', manyOf((at) => `path "${'a'.repeat(at)}*" { capabilities = ["read"] }\n`)],
  ['wildcards', rules(2000, (at) => `path "+/p${at}" { capabilities = ["read"] }`)],
  ['deep wildcards', manyOf((at) => `path "a/${'+/'.repeat(60)}p${at}*" {}\n`)],
  ['wildcards that match', manyOf((at) => `path "a/${'+/'.repeat(at)}*" { capabilities = ["update"] }\n`)],
  ['templated denies', rules(2000, (at) => `path "t${at}{{x}}" { capabilities = ["deny"] }`)],
  ['denies', rules(2000, (at) => `path "D${at}*" { capabilities = ["deny"] }`)],
  [
    'one path again and again',
    rules(2000, (at) => `path "a/*" { capabilities = ["update"] required_parameters = ["p${at}"] }`),
  ],
  ['too many rules', manyOf((at) => `path "p${at}" {}\n`)],
  ['too many rules in JSON', `{"path":{${manyOf((at) => `"p${at}":{},`)}"z":{}}}`],
  ['allowed names', stanza(`allowed_parameters = {\n${rules(1000, (at) => `"p${at}" = ["a"]`)}\n}`)],
  ['too many allowed names', stanza(`allowed_parameters = {\n${manyOf((at) => `"p${at}" = []\n`)}}`)],
  ['repeated allowed names', stanza(manyOf((at) => `allowed_parameters { "p${at}" = [] }\n`))],
  ['required names', stanza(`required_parameters = [${counted(1000, (at) => `"p${at}"`)}]`)],
  ['repeated required names', stanza(manyOf((at) => `required_parameters = ["p${at}"]\n`))],
  ['too many values', stanza(`denied_parameters = { "x" = [${manyOf((at) => `"v${at}",`)}] }`)],
  [
    'values',
    stanza(
      `denied_parameters = { ${counted(15, (name) => `"p${name}" = [${counted(1000, (at) => `"v${at}"`)}]`, '\n')} }`,
    ),
  ],
  ['capabilities', `path "a" { capabilities = [${manyOf(() => '"read",')}] }`],
  ['comments', manyOf(() => '#\n')],
  ['line ends', filled('\n', most)],
  ['a long text', `path "${'a'.repeat(most)}" {}`],
  ['escapes', `path "${filled('\\n', most)}" {}`],
  ['interpolations', `path "${filled('${}', most)}" {}`],
  ['interpolations without end', `path "${filled('${', most)}" {}`],
  ['a heredoc', `name = <<E\n${filled('a\n', most)}E\n`],
  ['a long name', 'a'.repeat(most)],
  ['names', filled('a ', most)],
  ['a long number', stanza(`pagination_limit = ${'1'.repeat(most)}`)],
  ['a long duration', stanza(`min_wrapping_ttl = "${filled('1s', most)}"`)],
  ['a template without end', stanza(`list_scan_response_keys_filter_path = "${filled('{{', most)}"`)],
  ['a long template', stanza(`list_scan_response_keys_filter_path = "${filled('{{.key}}', 8000)}"`)],
  ['a path of braces', `path "${filled('{{}}', most)}" {}`],
  ['a path of slashes', `path "${filled('+/', 8000)}x" {}`],
  ['base64', filled('QUJD\n', most)],
]
