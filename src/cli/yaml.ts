import { Scalar, stringify } from 'yaml'
import { Numeral } from '../util/json.ts'
import { membersOf, sorted } from './json.ts'

/** YAML with sorted keys. Texts that a reader of YAML 1.1 would take for something else (`y`, `1e3`, dates) are quoted. */
export function yaml(value: unknown): string {
  return stringify(plain(sorted(value)), {
    lineWidth: 0,
    singleQuote: false,
    indentSeq: false,
    aliasDuplicateObjects: false,
  })
}

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
  /^[-+]?(0b[01_]+|0[0-7_]+|[\d_.]+e[-+]?\d+|\d[\d_]*(\.[\d_]*)?)$/i,
  /^[-+]?\d+(:[0-5]?\d)+(\.\d*)?$/,
  /^\d{4}-\d\d?-\d\d?/,
]

function text(value: string): string | Scalar<string> {
  if (!doubtful.some((pattern) => pattern.test(value))) return value
  const scalar = new Scalar(value)
  scalar.type = 'QUOTE_DOUBLE'
  return scalar
}
