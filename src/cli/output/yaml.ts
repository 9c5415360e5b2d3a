import { Scalar, stringify } from 'yaml'
import { Numeral } from '../../util/json.ts'
import { membersOf, sorted } from './json.ts'

/** YAML with sorted keys. Texts that a reader of YAML 1.1 would take for something else (`y`, `1e3`, dates) are quoted. */
export function yaml(value: unknown): string {
  const written = stringify(plain(sorted(value)), {
    lineWidth: 0,
    singleQuote: false,
    indentSeq: false,
    aliasDuplicateObjects: false,
    doubleQuotedMinMultiLineLength: Infinity,
  })
  // Our library leaves these as they are, which is right for readers of YAML 1.2 only. All stand in double quotes.
  return written.replace(beyond, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** What readers take for a line break, for nothing, or for no YAML at all, behind the controls of ASCII. */
const beyond = /[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]|\p{Surrogate}/gu
const control = /[\u0000-\u0009\u000b-\u001f]/
/** Lines whose blanks a block would lose, or whose indentation a reader would have to guess. */
const ragged = /^\s|[ \n]\n|[ ]$/

const needsQuotes = (text: string): boolean =>
  control.test(text) ||
  text.search(beyond) >= 0 ||
  (text.includes('\n') && ragged.test(text)) ||
  doubtful.some((pattern) => pattern.test(text))

function plain(value: unknown): unknown {
  if (value instanceof Numeral) return /^-?\d+$/.test(value.literal) ? BigInt(value.literal) : Number(value.literal)
  if (typeof value === 'string') return text(value)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(plain)
  return new Map(membersOf(value).map(([name, member]) => [text(name), plain(member)]))
}

/** What YAML 1.1 knows beyond 1.2, whose words our library quotes by itself. */
const doubtful = [
  /^(y|n|yes|no|on|off|=|<<)$/i,
  /^[-+]?(0b[01_]+|0[0-7_]+|[\d_.]*e[-+]?\d*|\.[\d_]+|[\d_]*\.[\d_]*|\d[\d_]*(\.[\d_]*)?)$/i,
  /^[-+]?\d+(:[0-5]?\d)+(\.\d*)?$/,
  /^\d{4}-\d\d?-\d\d?/,
]

function text(value: string): string | Scalar<string> {
  if (!needsQuotes(value)) return value
  const scalar = new Scalar(value)
  scalar.type = 'QUOTE_DOUBLE'
  return scalar
}
