import type { Entry, Filter } from '../audit/offline/entries.ts'
import { hits } from '../audit/offline/entries.ts'
import { htmlReport } from '../audit/offline/report-html.ts'
import { Summariser } from '../audit/offline/summary.ts'
import type { Verdict } from '../audit/offline/verify.ts'
import { verifyLogs } from '../audit/offline/verify.ts'
import { readingFiles } from './audit-files.ts'
import { filterFlags, filterOf } from './audit-filter.ts'
import { Output } from './audit-read.ts'
import { broken, evidenceFlags, evidenceOf, verdictLines } from './audit-verify.ts'
import type { Command, Run } from './command.ts'
import { UsageError } from './flags.ts'
import { json } from './json.ts'

/** Takes entries one by one, and writes what becomes of them. */
interface Writer {
  entry(entry: Entry): Promise<void>
  end(verdict: Verdict): Promise<void>
}

async function report(run: Run): Promise<number> {
  const format = run.flags.text('format') || 'json'
  const make = Object.hasOwn(writers, format) ? writers[format] : undefined
  if (!make) throw new UsageError(`a report is one of: ${Object.keys(writers).join(', ')}`)
  const filter = monthOf(run, filterOf(run))
  const verdict = await readingFiles(run, run.args, async (progress) =>
    verifyLogs(run.args, { ...evidenceOf(run), progress }),
  )
  await readingFiles(run, run.args, async (progress) => {
    const output = new Output(run)
    const writer = make(output)
    for await (const { entry } of hits(run.args, filter, progress)) await writer.entry(entry)
    await writer.end(verdict)
    await output.end()
  })
  if (verdict.intact) return 0
  run.err('The log is broken: "audit verify" says where. What the report counts is not proved.')
  return broken
}

function monthOf(run: Run, filter: Filter): Filter {
  const month = run.flags.text('month')
  if (month === undefined || month === '') return filter
  const [, year, number] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month) ?? []
  if (year === undefined) throw new UsageError(`${month} is no month: give 2026-10`)
  const next = number === '12' ? `${Number(year) + 1}-01` : `${year}-${String(Number(number) + 1).padStart(2, '0')}`
  return { ...filter, since: month, until: next }
}

const columns = ['time', 'seq', 'id', 'operation', 'path', 'mount', 'name', 'accessor', 'entity', 'address', 'result', 'error', 'policies'] as const // prettier-ignore

/** A cell of CSV (RFC 4180). What a spreadsheet would take for a formula gets a mark in front. */
function csvCell(value: unknown): string {
  const text = Array.isArray(value) ? value.join(' ') : String(value)
  return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}

function csvWriter(output: Output): Writer {
  let begun = false
  const head = async (): Promise<void> => {
    if (begun) return
    begun = true
    await output.add(`${columns.join(',')}\r\n`)
  }
  return {
    entry: async (entry) => {
      await head()
      await output.add(`${columns.map((name) => csvCell(entry[name])).join(',')}\r\n`)
    },
    end: head,
  }
}

function jsonWriter(output: Output): Writer {
  const summariser = new Summariser()
  return {
    entry: async (entry) => summariser.add(entry),
    end: async (verdict) => {
      const { firstTime, lastTime, ...counts } = summariser.summary()
      const value = { intact: verdict.intact, verdict: verdictLines(verdict), first_time: firstTime, last_time: lastTime, ...counts } // prettier-ignore
      await output.add(`${json(value)}\n`)
    },
  }
}

const mostRows = 1000

function htmlWriter(output: Output): Writer {
  const summariser = new Summariser()
  const rows: string[] = []
  let left = 0
  return {
    entry: async (entry) => {
      summariser.add(entry)
      if (entry.result === 'ok') return
      if (rows.length < mostRows) rows.push(htmlReport.entry(entry))
      else left++
    },
    end: async (verdict) => {
      await output.add(htmlReport.head('Audit report'))
      await output.add(htmlReport.verdict(verdict.intact, verdictLines(verdict)))
      await output.add(htmlReport.summary(summariser.summary()))
      await output.add(htmlReport.entriesHead())
      for (const row of rows) await output.add(row)
      await output.add(htmlReport.entriesEnd(left) + htmlReport.end())
    },
  }
}

const writers: Readonly<Record<string, (output: Output) => Writer>> = {
  json: jsonWriter,
  csv: csvWriter,
  html: htmlWriter,
}

/** `audit report`. */
export const auditReportCommands: readonly Command[] = [
  {
    name: 'audit report',
    about: 'Check audit files and count what is in them: by day, operation, path, caller; exit status as verify has it',
    usage: 'FILE …',
    args: [1, Infinity],
    offline: true,
    flags: {
      format: { kind: 'text', about: 'json (counts), html (counts and refusals, one file), csv (every request).' },
      month: { kind: 'text', about: 'Only this month: 2026-10.' },
      ...filterFlags,
      ...evidenceFlags,
    },
    run: report,
  },
]
