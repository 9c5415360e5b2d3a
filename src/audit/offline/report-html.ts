import type { Entry } from './entries.ts'
import type { Count, Summary } from './summary.ts'

const letters: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A text inside HTML, wherever it stands there. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => letters[letter] as string)
}

/** The parts of a report that is one HTML file: no script, nothing loaded from anywhere. */
export const htmlReport = {
  head(title: string): string {
    return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 0 0 2rem }
caption { text-align: left; font-weight: 600; padding: .25rem 0 }
th, td { border: 1px solid #8888; padding: .2rem .6rem; text-align: left; overflow-wrap: anywhere }
td.number { text-align: right }
.verdict { border-left: .4rem solid #2a7; padding: .2rem 1rem } .broken { border-color: #c33 }
</style></head><body><main><h1>${escaped(title)}</h1>
`
  },

  verdict(intact: boolean, lines: readonly string[]): string {
    const items = lines.map((line) => `<li>${escaped(line)}</li>`).join('')
    return `<section class="verdict${intact ? '' : ' broken'}"><h2>${intact ? 'The log is intact' : 'The log is BROKEN'}</h2><ul>${items}</ul></section>\n`
  },

  entriesHead(): string {
    const heads = ['Time', 'Number', 'Who', 'From', 'Operation', 'Path', 'Result', 'Error']
    return `<table><caption>Denied and failed requests</caption><thead><tr>${heads.map((head) => `<th scope="col">${head}</th>`).join('')}</tr></thead><tbody>\n`
  },

  entry(entry: Entry): string {
    const { time, seq, name, address, operation, path, result, error } = entry
    const cells = [time, String(seq), name, address, operation, path, result, error.trim()]
    return `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>\n`
  },

  entriesEnd(left: number): string {
    return `</tbody></table>${left > 0 ? `<p>and ${left} more; -format=csv has all.</p>` : ''}\n`
  },

  summary(summary: Summary): string {
    const { requests, denied, failed, firstTime, lastTime } = summary
    const facts: readonly Count[] = [
      { what: 'Requests', count: requests },
      { what: 'Denied', count: denied },
      { what: 'Failed', count: failed },
    ]
    return [
      `<p>${escaped(firstTime)} to ${escaped(lastTime)}</p>\n`,
      counts('Requests', facts),
      counts('By day', summary.days),
      counts('By operation', summary.operations),
      counts('By caller', summary.callers),
      counts('By address', summary.addresses),
      counts('By path', summary.paths),
    ].join('')
  },

  end(): string {
    return '</main></body></html>\n'
  },
}

function counts(caption: string, rows: readonly Count[]): string {
  const body = rows.map(({ what, count }) => `<tr><th scope="row">${escaped(what)}</th><td class="number">${count}</td></tr>`).join('\n') // prettier-ignore
  return `<table><caption>${escaped(caption)}</caption><tbody>\n${body}\n</tbody></table>\n`
}
