import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import type { Entry, Filter } from '../../../audit/offline/entries.ts'
import { hits } from '../../../audit/offline/entries.ts'
import { privilegeOf } from '../../../audit/offline/privileged.ts'
import { PrivilegedActions, Refusals, reportEnd, reportHead } from '../../../audit/offline/report-html.ts'
import { RequestsOnce } from '../../../audit/offline/requests-once.ts'
import { Unreadable } from '../../../audit/offline/raw-lines.ts'
import { Summariser } from '../../../audit/offline/summary.ts'
import type { Verdict } from '../../../audit/offline/verify.ts'
import { verifyLogs } from '../../../audit/offline/verify.ts'
import { rfc3339, systemClock } from '../../../util/clock.ts'
import { product } from '../../../util/version.ts'
import { readingFiles } from './files.ts'
import { filterFlags, filterOf } from './filter.ts'
import { Output } from './read.ts'
import { broken, evidenceFlags, evidenceOf, verdictLines } from './verify.ts'
import type { Command, Run } from '../../framework/command.ts'
import { UsageError } from '../../framework/flags.ts'
import { json } from '../../output/json.ts'

/** Receives entries one by one, and writes the report. */
interface Writer {
  entry(entry: Entry): Promise<void>
  /** @param repeated how many requests stand in more logs than one; each is counted once */
  end(verdict: Verdict, repeated: number): Promise<void>
}

async function report(run: Run): Promise<number> {
  const format = run.flags.string('format') || 'json'
  const make = Object.hasOwn(writers, format) ? writers[format] : undefined
  if (!make) throw new UsageError(`the report formats are ${Object.keys(writers).join(', ')}`)
  const filter = monthOf(run, filterOf(run))
  const verdict = await readingFiles(run, run.args, async (progress) =>
    verifyLogs(run.args, { ...evidenceOf(run), progress }),
  )
  await readingFiles(run, run.args, async (progress) => {
    const output = new Output(run)
    const writer = make(output, run)
    const repeated = await entries(run.args, filter, progress, async (entry) => writer.entry(entry))
    await writer.end(verdict, repeated)
    await output.end()
  })
  if (verdict.intact) return 0
  run.err('The log is broken: "audit verify" shows where. The counts of the report are not proved.')
  return broken
}

/**
 * Passes each request on once, even if several devices of a server have logged it. A file that cannot be read to its end
 * does not prevent a report: the verdict mentions it.
 * @returns the number of lines that were left out, because an earlier log has the request
 */
async function entries(
  paths: readonly string[],
  filter: Filter,
  progress: (bytes: number) => void,
  take: (entry: Entry) => Promise<void>,
): Promise<number> {
  const once = new RequestsOnce()
  try {
    for await (const { log, entry } of hits(paths, filter, progress)) if (once.isNew(log, entry.id)) await take(entry)
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown
  }
  return once.repeated
}

function monthOf(run: Run, filter: Filter): Filter {
  const month = run.flags.string('month')
  if (month === undefined || month === '') return filter
  const [, year, number] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(month) ?? []
  if (year === undefined) throw new UsageError(`${month} is not a month: give 2026-10`)
  const next = number === '12' ? `${Number(year) + 1}-01` : `${year}-${String(Number(number) + 1).padStart(2, '0')}`
  return { ...filter, since: month, until: next }
}

const columns = [
  'time',
  'seq',
  'id',
  'operation',
  'path',
  'mount',
  'name',
  'accessor',
  'entity',
  'address',
  'result',
  'error',
  'policies',
] as const

/** A cell of CSV (RFC 4180). A value that a spreadsheet would evaluate as a formula is prefixed with a quote. */
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
    end: async (verdict, repeated) => {
      const { firstTime, lastTime, ...counts } = summariser.summary()
      const value = {
        intact: verdict.intact,
        verdict: verdictLines(verdict),
        first_time: firstTime,
        last_time: lastTime,
        in_several_logs: repeated,
        ...counts,
      }
      await output.add(`${json(value)}\n`)
    },
  }
}

function htmlWriter(output: Output, run: Run): Writer {
  const summariser = new Summariser()
  const refusals = new Refusals()
  const privileged = new PrivilegedActions()
  return {
    entry: async (entry) => {
      summariser.add(entry)
      if (entry.result !== 'ok') refusals.add(entry)
      const about = privilegeOf(entry)
      if (about !== undefined) privileged.add(entry, about)
    },
    end: async (verdict, repeated) => {
      const files = await Promise.all(run.args.map(async (path) => ({ path, ...(await digestOf(path)) })))
      const head = {
        files,
        program: `${product.name} ${product.release}`,
        at: rfc3339(systemClock.now()),
        selection: selectionOf(run),
      }
      await output.add(reportHead(head, verdict))
      await output.add(privileged.section())
      await output.add(refusals.section())
      await output.add(reportEnd(summariser.summary(), repeated))
    },
  }
}

/** The SHA-256 and the length of a file, compressed or not, as it is stored. */
async function digestOf(path: string): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const digest = createHash('sha256')
  let bytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    digest.update(chunk)
    bytes += chunk.length
  }
  return { bytes, sha256: digest.digest('hex') }
}

/** The given flags that select lines. */
function selectionOf({ flags }: Run): string {
  return ['month', ...Object.keys(filterFlags)]
    .flatMap((name) => {
      if (filterFlags[name]?.kind === 'bool') return flags.bool(name) ? [`-${name}`] : []
      const value = flags.string(name)
      return value === undefined || value === '' ? [] : [`-${name}=${value}`]
    })
    .join(' ')
}

const writers: Readonly<Record<string, (output: Output, run: Run) => Writer>> = {
  json: jsonWriter,
  csv: csvWriter,
  html: htmlWriter,
}

/** `audit report`. */
export const auditReportCommands: readonly Command[] = [
  {
    name: 'audit report',
    about: 'Verify audit files and count requests by day, operation, path and caller; exit status as with verify',
    usage: 'FILE …',
    args: [1, Infinity],
    offline: true,
    flags: {
      format: {
        kind: 'string',
        about:
          'json (counts), html (printable report: verdict, privileged actions, gaps, refusals, counts) or csv (all requests).',
      },
      month: { kind: 'string', about: 'Only this month, such as 2026-10.' },
      ...filterFlags,
      ...evidenceFlags,
    },
    run: report,
  },
]
