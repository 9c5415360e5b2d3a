import type { Entry } from './entries.ts'
import type { Column } from './html.ts'
import { cell, escaped, factTable, pageEnd, pageHead, shortTime, tableEnd, tableHead, tableRow } from './html.ts'
import { plainRemark, plainVerdict } from './plain-verdict.ts'
import type { Count, Summary } from './summary.ts'
import { notesOnSignatures } from './verify.ts'
import type { LogVerdict, Verdict } from './verify.ts'

/** A file of a report. */
interface ReportedFile {
  readonly path: string
  readonly bytes: number
  /** SHA-256 in hex. */
  readonly sha256: string
}

/** The subject of a report. */
interface ReportHead {
  readonly files: readonly ReportedFile[]
  /** `strongroom 0.1.0`. */
  readonly program: string
  /** The time of the report, RFC 3339. */
  readonly at: string
  /** The selection of lines, as the user gave it; '' for all. */
  readonly selection: string
}

/** Rows of a table of requests, limited in number. */
class RequestRows {
  readonly #rows: string[] = []
  readonly #columns: readonly Column[]
  #left = 0

  constructor(columns: readonly Column[]) {
    this.#columns = columns
  }

  add(cells: readonly string[]): void {
    if (this.#rows.length < mostRows) this.#rows.push(tableRow(this.#columns, cells))
    else this.#left++
  }

  /** The table, or a sentence if there are no rows. */
  table(caption: string, none: string): string {
    if (this.#rows.length === 0) return `<p>${escaped(none)}</p>\n`
    const more = this.#left > 0 ? `<p>and ${this.#left} more; -format=csv has all.</p>\n` : ''
    return tableHead(caption, this.#columns) + this.#rows.join('') + tableEnd + more
  }
}

const mostRows = 1000

const requestColumns: readonly Column[] = [
  { head: 'Time (UTC)', kind: 'time' },
  { head: 'Number', kind: 'number' },
  { head: 'Who' },
  { head: 'From' },
  { head: 'Operation' },
  { head: 'Path' },
]

const requestCells = ({ time, seq, name, address, operation, path }: Entry): readonly string[] => [
  shortTime(time),
  String(seq),
  name === '' ? '(no token)' : name,
  address,
  operation,
  path,
]

/** Requests that were denied or failed. */
export class Refusals {
  readonly #rows = new RequestRows([...requestColumns, { head: 'Result' }, { head: 'Error' }])

  add(entry: Entry): void {
    this.#rows.add([...requestCells(entry), entry.result, entry.error.trim()])
  }

  section(): string {
    return `<section><h2>Denied and failed requests</h2>\n${this.#rows.table('Requests without effect', 'No request was denied or failed.')}</section>\n`
  }
}

/** Requests that need privileges. */
export class PrivilegedActions {
  readonly #rows = new RequestRows([...requestColumns, { head: 'About' }])

  add(entry: Entry, about: string): void {
    this.#rows.add([...requestCells(entry), about])
  }

  section(): string {
    return `<section><h2>Privileged actions</h2>\n${this.#rows.table('Actions on keys, policies, mounts, audit devices, tokens and the seal', 'There were none.')}</section>\n`
  }
}

/** The page up to the lists of requests: its subject, the verdict, and the events of the log itself. */
export function reportHead(head: ReportHead, verdict: Verdict): string {
  return [
    pageHead('Audit report'),
    titleBlock(head, verdict),
    verdictSection(verdict),
    ownLines(verdict, 'Accepted damage', ['accepted'], 'An operator unsealed the server although the log was damaged.', 'No damage of the log was accepted by an operator.'),
    ownLines(verdict, 'Gaps', ['gap', 'lost', 'torn', 'removed', 'moved', 'space'], 'Missing lines, and events of the files.', 'The log has no gap.'),
    ownLines(verdict, 'Keys and clock', ['keys', 'clock', 'begin'], 'Changes of the keys that sign the log, times that go back, logs that follow another one.', 'There were none.'),
  ].join('') // prettier-ignore
}

/** The counts of the logs, and the end of the page. @param repeated requests that stand in more logs than one */
export function reportEnd(summary: Summary, repeated: number): string {
  const { requests, denied, failed, firstTime, lastTime } = summary
  const rows: readonly Count[] = [
    { what: 'Requests', count: requests },
    { what: 'Denied', count: denied },
    { what: 'Failed', count: failed },
  ]
  return [
    '<section><h2>Counts</h2>\n',
    firstTime === '' ? '' : `<p>${escaped(shortTime(firstTime))} to ${escaped(shortTime(lastTime))} UTC</p>\n`,
    repeated === 0
      ? ''
      : `<p>${repeated} lines are about requests that an earlier log also has: each device of a server logs all requests. Each request is counted once.</p>\n`,
    counts('Requests', rows),
    counts('By day', summary.days),
    counts('By operation', summary.operations),
    counts('By caller', summary.callers),
    counts('By address', summary.addresses),
    counts('By path', summary.paths),
    '</section>\n',
    pageEnd,
  ].join('')
}

function titleBlock({ files, program, at, selection }: ReportHead, { logs }: Verdict): string {
  const columns: readonly Column[] = [{ head: 'File' }, { head: 'Bytes', kind: 'number' }, { head: 'SHA-256' }]
  const rows = files.map(({ path, bytes, sha256 }) => tableRow(columns, [path, String(bytes), sha256]))
  const keys = logs.flatMap((log) =>
    log.keys.map(
      (key) => `<code>${escaped(key)}</code> (${log.pinned ? 'held by the auditor' : 'found beside the log'})`,
    ),
  )
  return [
    '<section><h2>What this report is about</h2>\n',
    factTable('facts', 'The report', [
      ['Made', `${escaped(shortTime(at))} UTC by ${escaped(program)}`],
      ['Selected lines', selection === '' ? 'all' : `<code>${cell(selection)}</code>`],
      ['Logs', logs.map(({ origin, log }) => `<code>${cell(origin || log || 'of an earlier release')}</code>`).join('<br>')],
      ['Keys', keys.length > 0 ? keys.join('<br>') : 'none'],
    ]),
    tableHead('Files', columns) + rows.join('') + tableEnd,
    '</section>\n',
  ].join('') // prettier-ignore
}

function verdictSection({ intact, logs }: Verdict): string {
  const parts = logs.map((log) => {
    const sentences = plainVerdict(log).map((sentence) => `<p>${cell(sentence)}</p>`)
    const findings = log.findings.map(
      ({ file, line, why }) => `<li>${cell(`${file}${line > 0 ? `, line ${line}` : ''}: ${why}`)}</li>`,
    )
    const more = log.wrong > log.findings.length ? `<p>and ${log.wrong - log.findings.length} more</p>` : ''
    const remaining = log.notes.filter((note) => log.wrong > 0 || !notesOnSignatures.includes(note))
    const notes = remaining.map((note) => `<li>${cell(note)}</li>`)
    const title = logs.length > 1 ? `<h3>${cell(log.origin || log.log || 'a log of an earlier release')}</h3>` : ''
    return `${title}${sentences.join('\n')}${list(findings)}${more}${list(notes)}`
  })
  const verdict = intact ? 'The log is intact' : 'The log is BROKEN'
  const body = parts.length > 0 ? parts.join('\n') : '<p>The files hold no lines.</p>'
  return `<section class="verdict${intact ? '' : ' broken'}"><h2>${verdict}</h2>\n${body}</section>\n`
}

const list = (items: readonly string[]): string => (items.length > 0 ? `<ul>${items.join('\n')}</ul>` : '')

/** Lines of some kinds about the log itself. */
function ownLines({ logs }: Verdict, title: string, kinds: readonly string[], about: string, none: string): string {
  const columns: readonly Column[] = [
    { head: 'Time (UTC)', kind: 'time' },
    { head: 'Number', kind: 'number' },
    { head: 'What' },
  ]
  const rows = logs.flatMap(({ remarks }: LogVerdict) =>
    remarks
      .filter(({ kind }) => kinds.includes(kind))
      .map((remark) => tableRow(columns, [shortTime(remark.time), String(remark.seq), plainRemark(remark)])),
  )
  const body = rows.length > 0 ? tableHead(about, columns) + rows.join('') + tableEnd : `<p>${escaped(none)}</p>\n`
  return `<section><h2>${escaped(title)}</h2>\n${body}</section>\n`
}

function counts(caption: string, rows: readonly Count[]): string {
  return factTable(
    'counts',
    caption,
    rows.map(({ what, count }) => [what, String(count)]),
  )
}
