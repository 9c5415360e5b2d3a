import { Numeral } from '../util/json.ts'

/** Rows in columns: padded to the widest cell, four blanks between, the last one not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => [...(row[at] ?? '')].length)))
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd((widths[at] ?? 0) + 4))).join('')
  return rows.map(line).join('\n')
}

/** Columns with headings, each underlined. Empty cells are `n/a`. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((row) => row.map((cell) => (cell === '' ? 'n/a' : cell)))
  return columns([headings, headings.map((heading) => '-'.repeat(heading.length)), ...body])
}

/** `Key Value` with the given rows. */
export function keyValues(rows: readonly (readonly [string, unknown])[]): string {
  return table(
    ['Key', 'Value'],
    rows.map(([key, value]) => [key, cell(value)]),
  )
}

/** A value as a cell shows it, in Go's manner. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (value instanceof Numeral) return value.literal
  if (Array.isArray(value)) return `[${value.map(inner).join(' ')}]`
  if (typeof value === 'object')
    return `map[${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => `${name}:${inner(member)}`)
      .join(' ')}]`
  return String(value)
}

const inner = (value: unknown): string => (value === '' ? '' : cell(value))

const durations = /^(ttl|.*_ttl|period|.*_period|duration|.*_duration|lease_max|lease_duration|interval)$/

/** A numeric duration in words, if the key says that it is one. */
export function shownValue(key: string, value: unknown): unknown {
  return typeof value === 'number' && durations.test(key) ? shortDuration(value) : value
}

/** `768h`, `1h30m`, `45s`, `0s`: Go's form without zero parts at the end. */
export function shortDuration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), Math.floor(seconds % 60)]
  const parts = [h ? `${h}h` : '', m ? `${m}m` : '', s ? `${s}s` : ''].join('')
  return parts === '' ? '0s' : parts
}
