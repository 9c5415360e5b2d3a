import { Scalar, stringify } from 'yaml'
import { Numeral } from '../../util/json.ts'
import { membersOf, sorted } from './json.ts'

/** YAML with sorted keys. Strings that a YAML 1.1 parser would read as another type (`y`, `1e3`, dates) are quoted. */
export function yaml(value: unknown): string {
  const document = stringify(plain(sorted(value)), {
    lineWidth: 0,
    singleQuote: false,
    indentSeq: false,
    aliasDuplicateObjects: false,
    doubleQuotedMinMultiLineLength: Infinity,
  })
  // The library does not escape these characters, which is correct for YAML 1.2 parsers only. All are inside double quotes.
  return document.replace(beyond, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Characters beyond the ASCII controls that parsers treat as line breaks, drop, or reject as invalid YAML. */
const beyond = /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/gu
const control = /[\u0000-\u0009\u000b-\u001f]/
/** Lines whose spaces a block scalar would lose, or whose indentation is ambiguous. */
const ragged = /^\s|[ \n]\n|[ ]$/

const needsQuotes = (value: string): boolean =>
  control.test(value) ||
  value.search(beyond) >= 0 ||
  (value.includes('\n') && ragged.test(value)) ||
  ambiguous.some((pattern) => pattern.test(value))

function plain(value: unknown): unknown {
  if (value instanceof Numeral) return /^-?\d+$/.test(value.literal) ? BigInt(value.literal) : Number(value.literal)
  if (typeof value === 'string') return scalarOf(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return new Map(membersOf(value).map(([name, member]) => [scalarOf(name), plain(member)]))
}

/** Plain scalars with another type in YAML 1.1 than in 1.2. The library quotes those of 1.2 itself. */
const ambiguous = [
  /^(y|n|yes|no|on|off|=|<<)$/i,
  /^[-+]?(0b[01_]+|0[0-7_]+|[\d_.]*e[-+]?\d*|\.[\d_]+|[\d_]*\.[\d_]*|\d[\d_]*(\.[\d_]*)?)$/i,
  /^[-+]?\d+(:[0-5]?\d)+(\.\d*)?$/,
  /^\d{4}-\d\d?-\d\d?/,
]

function scalarOf(value: string): string | Scalar<string> {
  if (!needsQuotes(value)) return value
  const scalar = new Scalar(value)
  scalar.type = 'QUOTE_DOUBLE'
  return scalar
}
