import { statSync } from 'node:fs'
import type { Begin } from '../lines/first-line.ts'
import type { EvidenceOptions, Evidence } from './evidence.ts'
import { evidenceFor } from './evidence.ts'
import type { OfflineFile, OfflineLog } from './given-files.ts'
import { offlineLogs, continuesBeside } from './given-files.ts'
import type { Finding, Remark, SignedSpan } from './log-check.ts'
import { LogCheck } from './log-check.ts'
import { Unreadable, rawLines } from './raw-lines.ts'
import type { Witnessed } from './trusted-keys.ts'
import type { VerifierKey } from '../checkpoints/verifier-key.ts'
import { vkeyText } from '../checkpoints/verifier-key.ts'

/** The verdict on one log. */
export interface LogVerdict {
  /** Its id; '' if its files do not contain one. */
  readonly log: string
  readonly origin: string
  readonly files: readonly string[]
  readonly lines: number
  /** Lines before the first damage. */
  readonly validLines: number
  readonly firstTime: string
  readonly lastTime: string
  /** Ranges of valid lines; lines between them are broken or missing. */
  readonly stretches: readonly SignedSpan[]
  readonly findings: readonly Finding[]
  readonly wrong: number
  readonly remarks: readonly Remark[]
  /** Further sentences for readers. */
  readonly notes: readonly string[]
  /** The root over all lines, base64, if the log is intact and the tree is known. */
  readonly root?: string
  readonly checkpoints: number
  readonly pinned: boolean
  /** The keys that may have signed it, as vkeys; those of post-quantum signatures by name and id only. */
  readonly keys: readonly string[]
  readonly witnessed: readonly Witnessed[]
}

/** The verdict on audit files. */
export interface Verdict {
  readonly intact: boolean
  readonly lines: number
  readonly logs: readonly LogVerdict[]
}

export interface VerifyOptions extends EvidenceOptions {
  /** Called with the number of bytes read. */
  readonly progress?: (bytes: number) => void
}

/**
 * Checks audit files offline, in constant memory, from files alone: the chain of every log, its tree, and the signed
 * checkpoints. Files may be given in any order, packed or not.
 * @throws when a file cannot be read
 */
export async function verifyLogs(paths: readonly string[], options: VerifyOptions = {}): Promise<Verdict> {
  const all = new Set(paths)
  const done = new Map<string, Checked>()
  for (const log of await offlineLogs(paths)) done.set(log.id, await checkLog(log, all, options))
  for (const { check } of done.values()) compareEnds(check, done.get(check.begin?.follows?.log ?? '?')?.check)
  const logs = [...done.values()].map(verdictOf)
  return {
    intact: logs.every(({ wrong }) => wrong === 0),
    lines: logs.reduce((sum, { lines }) => sum + lines, 0),
    logs,
  }
}

/** The number of bytes to read, for the progress. */
export function bytesOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0)
}

interface Checked {
  readonly log: OfflineLog
  readonly check: LogCheck
  readonly evidence: Evidence
  readonly notes: readonly string[]
}

async function checkLog(log: OfflineLog, all: ReadonlySet<string>, options: VerifyOptions): Promise<Checked> {
  const begin = log.files.find((file) => file.begin)?.begin
  const evidence = await evidenceFor(
    log.files.map(({ path }) => path),
    begin?.origin,
    options,
  )
  const check = new LogCheck(evidence)
  const notes: string[] = []
  for (const [index, file] of log.files.entries())
    await follow(file, index === log.files.length - 1, check, options, notes)
  check.end()
  for (const { file, record, about, why } of evidence.invalid)
    check.find({ file, line: record }, `${about}: ${why}`, check.lines - (check.validLines ?? check.lines))
  beginningOf(log, check, notes)
  endOf(log, check, evidence, all, notes)
  requireSignatures(check, evidence)
  notes.push(...limitsOf(check, evidence, begin))
  return { log, check, evidence, notes }
}

async function follow(
  { path }: OfflineFile,
  last: boolean,
  check: LogCheck,
  { progress }: VerifyOptions,
  notes: string[],
): Promise<void> {
  let at = 0
  try {
    for await (const lines of rawLines(path, progress))
      for (const line of lines) {
        at++
        if (!line.whole && last)
          notes.push(`${path}: the last line is not finished (a crash, or it is being written now); it was not checked`)
        else check.next(line, path, at)
      }
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown
    check.find({ file: path, line: at + 1 }, thrown.why)
  }
}

/**
 * Whether the beginning of a log is complete: it is line 1, or a file whose first line has the tree before it (retention may
 * have removed older files). Otherwise its beginning was cut off.
 */
function beginningOf({ files: [first] }: OfflineLog, check: LogCheck, notes: string[]): void {
  const { firstSeq, lines } = check
  if (!first || firstSeq <= 1) return
  if (first.begin)
    notes.push(`begins with line number ${firstSeq}; the ${firstSeq - 1} before it are not in these files`)
  else
    check.find(
      { file: first.path, line: 1 },
      `lines were cut off before it: it is number ${firstSeq}, and only number 1 or a line that begins a file may come first; give the files before it, too, if you have them`,
      lines,
    )
}

/** Whether the end of a log is complete. */
function endOf(log: OfflineLog, check: LogCheck, evidence: Evidence, all: ReadonlySet<string>, notes: string[]): void {
  const last = log.files.at(-1) as OfflineFile
  const size = check.last?.seq ?? 0
  const place = check.last?.place ?? { file: last.path, line: 0 }
  if (last.archive && size < last.archive.last) {
    check.find(
      place,
      `lines are missing after it: the file's name says that it ends in number ${last.archive.last}, and it ends in ${size}`,
    )
    return
  }
  const signedSize = [...evidence.signed.values()].reduce((max, one) => Math.max(max, one.size), 0)
  if (signedSize <= size) return
  if (continuesBeside(last, all)) notes.push(`the log continues after number ${size}, in files that were not given`)
  else
    check.find(
      place,
      `lines were cut off after it: ${signedSize} lines were signed, and the last one here is number ${size}`,
    )
}

/** The auditor's own keys and witnesses must have signed the log. */
function requireSignatures(check: LogCheck, evidence: Evidence): void {
  const place = { file: check.last?.place.file ?? '', line: 0 }
  if (evidence.pinned && check.signaturesMet === 0)
    check.find(place, 'no checkpoint of it is signed by a key that you trust')
  for (const name of evidence.absent) check.find(place, `no checkpoint of it is signed by the witness ${name}`)
}

const keysBeside = 'the keys are those found beside the log; with -keys and a copy that you keep, nobody else can have signed it' // prettier-ignore
const noCheckpoint =
  'no checkpoint was found: the chain alone was checked, and lines cut off the end would not be noticed'

/** Notes about the signatures of a log: for an intact one, the verdict in sentences has the same content. */
export const notesOnSignatures: readonly string[] = [keysBeside, noCheckpoint]

/** The limits of the verdict, in words. */
function limitsOf(check: LogCheck, evidence: Evidence, begin: Begin | undefined): readonly string[] {
  const size = check.last?.seq ?? 0
  const inside = [...evidence.signed.keys()].filter((at) => at >= check.firstSeq && at <= size).length
  const notes: string[] = []
  if (!evidence.pinned && evidence.signed.size === 0) notes.push(noCheckpoint)
  if (evidence.signed.size > 0 && !evidence.pinned) notes.push(keysBeside)
  if (inside > check.signaturesMet && check.wrong === 0)
    notes.push(
      `${inside - check.signaturesMet} checkpoints are in a range where the tree is not known, and were not compared`,
    )
  if (begin === undefined && check.lines > 0)
    notes.push('the files do not name their log: they are of an earlier release')
  return notes
}

/** A log after another one names the end of that one. */
function compareEnds(check: LogCheck, before: LogCheck | undefined): void {
  const stated = check.begin?.follows
  const last = before?.last
  if (stated && last && (last.seq !== stated.size || last.leaf !== stated.leaf))
    before.find(last.place, `it is not the end of this log: the next one says that it ended in number ${stated.size}`)
}

/** An ML-DSA-44 key is 1,312 bytes long: its name and id identify it. */
function shortVkey(key: VerifierKey): string {
  return key.key.length > 32 ? `${key.name}+${key.id}` : vkeyText(key)
}

function verdictOf({ log: { id, files }, check, evidence, notes }: Checked): LogVerdict {
  const { begin, lines, validLines = lines, firstTime, lastTime, stretches, findings, wrong, remarks, root } = check
  return {
    log: id,
    origin: begin?.origin ?? evidence.origins[0] ?? '',
    files: files.map(({ path }) => path),
    lines,
    validLines,
    firstTime,
    lastTime,
    stretches,
    findings,
    wrong,
    remarks,
    notes,
    ...(wrong === 0 && root !== undefined && { root }),
    checkpoints: check.signaturesMet,
    pinned: evidence.pinned,
    keys: [...new Set(evidence.keys.map(({ key }) => shortVkey(key)))],
    witnessed: evidence.witnessed,
  }
}
