import { createHash } from 'node:crypto'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Longer strings of a log are cut in a report: a cell is read by people. */
const longestCell = 500

/** A string for any place in HTML. Invisible characters, and those that change the direction, are replaced. */
export function escaped(text: string): string {
  const visible = text.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu,
    '\ufffd',
  )
  return visible.replace(/[&<>"']/g, (character) => entities[character] as string)
}

/** A string from a log for a table cell. */
export function cell(text: string): string {
  return escaped(text.length > longestCell ? `${text.slice(0, longestCell)}… (${text.length} characters)` : text)
}

/** A time of a line as people read it: to the second, in UTC. */
export function shortTime(time: string): string {
  return time.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2')
}

const style = `
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
h2 { margin: 2.5rem 0 .5rem } p { margin: .5rem 0 }
table { border-collapse: collapse; margin: 0 0 2rem; width: 100% }
caption { text-align: left; font-weight: 600; padding: .25rem 0 }
th, td { border: 1px solid #8888; padding: .2rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
table.facts, table.counts { width: auto }
td.number { text-align: right; white-space: nowrap } td.time { white-space: nowrap }
code { font-size: .85em; overflow-wrap: anywhere }
.verdict { border-left: .4rem solid #2a7; padding: .2rem 1rem } .broken { border-color: #c33 }
@page { size: A4 landscape; margin: 12mm }
@media print {
  :root { color-scheme: light }
  body { font-size: 9pt; margin: 0; max-width: none; padding: 0 }
  thead { display: table-header-group } tr, .verdict { break-inside: avoid } h2, caption { break-after: avoid }
  td.time { white-space: normal }
}
`

/** The beginning of a page that is one file: no script, no external resources. */
export function pageHead(title: string): string {
  const allowed = `sha256-${createHash('sha256').update(style).digest('base64')}`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${allowed}'">
<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>${style}</style></head><body><main><h1>${escaped(title)}</h1>
`
}

/** The end of a page. */
export const pageEnd = '</main></body></html>\n'

/** A column of a table: its heading, and how its cells are set. */
export interface Column {
  readonly head: string
  readonly kind?: 'number' | 'time'
}

/** The beginning of a table with column headings, which a printer repeats on each page. */
export function tableHead(caption: string, columns: readonly Column[]): string {
  const heads = columns.map(({ head }) => `<th scope="col">${escaped(head)}</th>`).join('')
  return `<table><caption>${escaped(caption)}</caption><thead><tr>${heads}</tr></thead><tbody>\n`
}

/** A row of such a table. */
export function tableRow(columns: readonly Column[], cells: readonly string[]): string {
  const row = columns.map(({ kind }, at) => `<td${kind ? ` class="${kind}"` : ''}>${cell(cells[at] ?? '')}</td>`)
  return `<tr>${row.join('')}</tr>\n`
}

/** The end of a table. */
export const tableEnd = '</tbody></table>\n'

/** A table of names and values. Values are HTML. */
export function factTable(
  kind: 'facts' | 'counts',
  caption: string,
  rows: readonly (readonly [string, string])[],
): string {
  const attribute = kind === 'counts' ? ' class="number"' : ''
  const body = rows.map(([name, value]) => `<tr><th scope="row">${cell(name)}</th><td${attribute}>${value}</td></tr>\n`)
  return `<table class="${kind}"><caption>${escaped(caption)}</caption><tbody>\n${body.join('')}${tableEnd}`
}
