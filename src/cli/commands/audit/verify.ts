import { plainRemark } from '../../../audit/offline/plain-verdict.ts'
import type { LogVerdict, Verdict } from '../../../audit/offline/verify.ts'
import { verifyLogs } from '../../../audit/offline/verify.ts'
import type { EvidenceOptions } from '../../../audit/offline/evidence.ts'
import { readingFiles } from './files.ts'
import type { Command, Run } from '../../framework/command.ts'
import type { FlagSpec, FlagTable } from '../../framework/flags.ts'
import { printable } from '../../output/printable.ts'
import { showValue } from '../../output/show.ts'

/** The exit status for a damaged log. */
export const broken = 3

/** The sources of evidence, in addition to the files beside the log. */
export const evidenceFlags: FlagTable = {
  keys: {
    kind: 'strings',
    about: 'A trusted key file or vkey. Only these keys, and keys certified by them, are trusted.',
  },
  checkpoints: { kind: 'strings', about: 'An additional file of checkpoints; those beside the log are always read.' },
}

const witnessFlag: FlagSpec = {
  kind: 'strings',
  about: 'The vkey of a witness whose signature on a checkpoint is required.',
}

/** The evidence that these flags name. */
export function evidenceOf({ flags }: Run): EvidenceOptions {
  const [pinned, checkpoints, witnesses] = ['keys', 'checkpoints', 'witness'].map((name) => flags.strings(name)) as [
    string[],
    string[],
    string[],
  ]
  return { pinned, checkpoints, witnesses }
}

async function verify(run: Run): Promise<number> {
  const verdict = await readingFiles(run, run.args, async (progress) =>
    verifyLogs(run.args, { ...evidenceOf(run), progress }),
  )
  if (run.format === 'table') run.out(`${verdictText(verdict)}\n`)
  else await showValue(run, verdictJson(verdict))
  return verdict.intact ? 0 : broken
}

function verdictText(verdict: Verdict): string {
  return verdictLines(verdict).join('\n')
}

/** A verdict as lines of text; details of a line are indented. */
export function verdictLines({ logs }: Verdict): readonly string[] {
  return logs.length === 0 ? ['intact: 0 lines; the files are empty'] : logs.flatMap(linesOf)
}

function linesOf(log: LogVerdict): readonly string[] {
  const { findings, wrong, lines, firstTime, lastTime, files, remarks, notes } = log
  const period = firstTime === '' ? '' : `, ${shortTime(firstTime)} to ${shortTime(lastTime)}`
  const counted = `${files.length} ${files.length === 1 ? 'file' : 'files'}`
  const head =
    wrong === 0
      ? [`intact: ${lines} lines${period}, ${counted}`]
      : findings.map(({ file, line, why }) => `BROKEN at ${file}${line > 0 ? ` line ${line}` : ''}: ${why}`)
  const more = wrong > findings.length ? [`  and ${wrong - findings.length} more`] : []
  const details = [
    ...(log.origin === '' ? [] : [`log: ${log.origin}`]),
    ...stretchesOf(log),
    ...log.witnessed.map(witnessLine),
    ...(log.root === undefined ? [] : [`root: ${log.root}`]),
    ...remarks.map((remark) => `remark: number ${remark.seq}, ${shortTime(remark.time)}: ${plainRemark(remark)}`),
    ...notes.map((note) => `note: ${note}`),
  ]
  return [...head, ...more, ...details.map((line) => `  ${line}`)].map((line) => printable(line))
}

function witnessLine({ name, size, time }: LogVerdict['witnessed'][number]): string {
  return `witnessed: up to ${size} by ${name}, ${new Date(time * 1000).toISOString().replace('.000Z', 'Z')}`
}

/** A verdict for every range of lines, including the gaps between intact ranges. */
function stretchesOf({ stretches }: LogVerdict): string[] {
  const texts: string[] = []
  let next: number | undefined
  for (const { from, to, signed } of stretches) {
    if (next !== undefined && from > next) texts.push(`numbers ${next} to ${from - 1}: BROKEN or missing`)
    const proof =
      signed === undefined
        ? 'chained, not signed'
        : signed === to
          ? 'signed'
          : `signed up to ${signed}, chained behind it`
    texts.push(`numbers ${from} to ${to}: whole, ${proof}`)
    next = to + 1
  }
  return texts
}

const shortTime = (time: string): string => time.replace(/\.\d+Z$/, 'Z')

function verdictJson({ intact, lines, logs }: Verdict): unknown {
  const [first] = logs.flatMap(({ findings }) => findings)
  return {
    intact,
    lines,
    ...(first && { first_bad: first }),
    logs: logs.map(({ log, origin, files, ...rest }) => ({
      log,
      origin,
      files,
      lines: rest.lines,
      good_lines: rest.validLines,
      first_time: rest.firstTime,
      last_time: rest.lastTime,
      ranges: rest.stretches,
      checkpoints: rest.checkpoints,
      keys_pinned: rest.pinned,
      witnessed: rest.witnessed,
      ...(rest.root !== undefined && { root: rest.root }),
      wrong: rest.wrong,
      findings: rest.findings,
      remarks: rest.remarks,
      notes: rest.notes,
    })),
  }
}

/** `audit verify`. */
export const auditVerifyCommands: readonly Command[] = [
  {
    name: 'audit verify',
    about: 'Verify audit files offline: hash chain, Merkle tree, signatures; exit status 0 intact, 3 broken',
    usage: 'FILE …',
    args: [1, Infinity],
    offline: true,
    flags: { ...evidenceFlags, witness: witnessFlag },
    shows: ['format'],
    run: verify,
  },
]
