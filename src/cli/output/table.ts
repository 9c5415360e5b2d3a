import { byteOrder } from '../../util/bytes.ts'
import { Numeral } from '../../util/json.ts'
import { membersOf } from './json.ts'

/** Rows in columns: padded to the widest cell, four blanks between, the last one not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => width(row[at] ?? ''))))
  const line = (row: readonly string[]): string =>
    row.map((text, at) => (at === row.length - 1 ? text : pad(text, (widths[at] ?? 0) + 4))).join('')
  return rows.map(line).join('\n')
}

const width = (text: string): number => Array.from(text).length
const pad = (text: string, to: number): string => text + ' '.repeat(to - width(text))

/** Columns with headings, each underlined. Empty cells are `n/a`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((row) => row.map((text) => (text === '' ? 'n/a' : text)))
  return columns([headings, headings.map((heading) => '-'.repeat(heading.length)), ...body])
}

/** A table of `Key` and `Value`. */
export function keyValues(rows: readonly (readonly [string, unknown])[]): string {
  return table(
    ['Key', 'Value'],
    rows.map(([key, value]) => [key, cell(value)]),
  )
}

/** A value in a cell, in Go's format: `<nil>`, `[a b]`, `map[a:1 b:2]`. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (value instanceof Numeral) return value.literal
  if (Array.isArray(value)) return `[${value.map(cell).join(' ')}]`
  if (typeof value === 'string') return value
  if (typeof value !== 'object') return JSON.stringify(value)
  const members = [...membersOf(value)].sort(([a], [b]) => byteOrder(a, b))
  return `map[${members.map(([name, member]) => `${name}:${cell(member)}`).join(' ')}]`
}

/** A member of a response as a string: empty if absent, in Go's format if it is not a scalar. */
export function textOf(value: unknown): string {
  return value === null || value === undefined ? '' : cell(value)
}

/** `["a" "b"]`, the format of lists in an auth block. */
export function quotedList(value: unknown): string {
  return `[${((value ?? []) as readonly unknown[]).map((text) => JSON.stringify(text)).join(' ')}]`
}

const durations = /^(ttl|period|duration|lease_max|ttl_max|.*_(ttl|period|duration))$/

/** A numeric duration in words, if its key is that of a duration. */
export function displayValue(key: string, value: unknown): unknown {
  return typeof value === 'number' && durations.test(key) ? shortDuration(value) : value
}

/** `768h`, `1h30m`, `45s`, `0s`: Go's format without zero parts at the end. */
export function shortDuration(seconds: number): string {
  if (seconds < 0) return `-${shortDuration(-seconds)}`
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)]
  if (s > 0) return `${h > 0 ? `${h}h${m}m` : m > 0 ? `${m}m` : ''}${s}s`
  return h + m === 0 ? '0s' : `${h > 0 ? `${h}h` : ''}${m > 0 ? `${m}m` : ''}`
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `02 Jan 06 15:04 UTC` (RFC 822) of an RFC 3339 time; other strings unchanged. */
export function rfc822(time: string): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  const [, year, month, day, clock] = /^\d\d(\d\d)-(\d\d)-(\d\d)T(\d\d:\d\d)/.exec(date.toISOString()) ?? []
  return `${day} ${months[Number(month) - 1]} ${year} ${clock} UTC`
}
