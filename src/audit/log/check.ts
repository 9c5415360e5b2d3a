import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { checkpointFileOf, readCheckpoints } from '../checkpoints/checkpoint-file.ts'
import type { Checkpoint } from '../checkpoints/checkpoint.ts'
import type { Anchor, Heads } from './anchor.ts'
import type { LogState } from './state.ts'
import type { LogFile } from './files.ts'
import { chunksOf, growingChunks, logFilesAt } from './files.ts'
import { LogReader } from './reader.ts'
import { signersOf } from '../checkpoints/note-keys.ts'
import type { VerifierKey } from '../checkpoints/verifier-key.ts'

/** The state that a log must have had at some size, and the source of that claim. */
export interface Claim {
  readonly size: number
  readonly leaf?: string
  readonly root?: string
  readonly by: 'storage' | 'storage, synced' | 'checkpoint' | 'expected_head'
}

/** The result of reading a log. `lost`: lines that a crash of the machine took before they were on disk. */
export interface Finding {
  readonly reader?: LogReader
  /** Describes the damage. */
  readonly problem?: string
  /** The evidence of the damage, which stays the same when more lines are written. */
  readonly evidence?: string
  readonly lost?: { readonly after: number; readonly before: number }
}

/** A problem of a log, or of the storage's records of all logs. */
export interface Problem {
  readonly what: string
  readonly evidence?: string | undefined
}

/** A short code for the exact damage: an operator accepts only this damage. It changes when the damage changes. */
export function codeOf(problems: readonly Problem[]): string {
  const lines = problems.map(({ what, evidence = '' }) => `${what}\n${evidence}\n`)
  return hash('sha256', lines.join(''), 'hex').slice(0, 16)
}

/** Reads the files of a log from number `file` to its end, which is that of `live` for a log in use. */
async function readThrough(
  files: readonly LogFile[],
  file: number,
  claims: readonly Claim[],
  live: LogState | undefined,
): Promise<LogReader | string> {
  const [first, ...rest] = filesFrom(files, file)
  if (!first) return `file ${file} of the log is not there`
  const reader = new LogReader(
    first,
    claims.map(({ size }) => size),
  )
  for (const one of [first, ...rest]) {
    if (one !== first) reader.nextFile()
    const growing = live?.file === one.begin.file && live.id === one.begin.log
    if (!(await reader.read(growing ? growingChunks(one.path, () => live.offset) : chunksOf(one.path)))) break
  }
  return reader
}

/** One file of each number, without a gap, from one on with a known tree before it. */
function filesFrom(files: readonly LogFile[], file: number): readonly LogFile[] {
  const numbered = new Map<number, LogFile>()
  for (const one of files) if (!numbered.has(one.begin.file)) numbered.set(one.begin.file, one)
  let from = file
  while (from > 1 && numbered.get(from)?.begin.peaks === undefined) from--
  const row: LogFile[] = []
  for (let at = from; numbered.has(at); at++) row.push(numbered.get(at) as LogFile)
  return row.length > file - from ? row : []
}

/** Compares a log that the storage has recorded with its files. `live` and its path if it is in use. */
export async function checkAnchored(
  anchor: Anchor,
  heads: Heads,
  keys: readonly VerifierKey[],
  more: {
    readonly live?: LogState
    readonly path?: string
    readonly boot?: string | undefined
    /** The number of the storage's newest commit when the log was read; undefined: not known. */
    readonly commit?: (() => number) | undefined
    readonly expected?: Claim
  },
): Promise<Finding> {
  const target = more.path ?? anchor.target
  const files = (await logFilesAt(target)).filter(({ begin }) => begin.log === anchor.log)
  const checkpoints = await checkpointsOf({ ...anchor, target }, files, keys)
  const claims = [...claimsOf(anchor), ...checkpoints.map(asClaim), ...(more.expected ? [more.expected] : [])]
  const start = Math.min(anchor.file, fileWith(files, more.expected?.size ?? anchor.size))
  const read = await readThrough(files, start, claims, more.live)
  const reader = typeof read === 'string' ? undefined : read
  const { problem, ...finding } =
    typeof read === 'string'
      ? { problem: `${read}; the storage knows ${anchor.size} lines` }
      : findingOf(read, anchor, claims, heads.boot === undefined || heads.boot !== more.boot)
  const signed = checkpoints.at(-1)?.size ?? 0
  const older = olderStorage({ anchor, epoch: heads.epoch, commit: more.commit?.() }, signed, reader)
  const problems = [older, missingCheckpoint(anchor, signed), older ? undefined : problem].filter(
    (one) => one !== undefined,
  )
  if (problems.length === 0) return finding
  return { ...finding, problem: problems.join('; '), evidence: evidenceOf(reader) }
}

/** The lines that show the damage: they do not change when more lines are written. */
function evidenceOf(reader: LogReader | undefined): string {
  if (!reader) return ''
  return reader.broken ? `${reader.leaf} ${reader.broken.leaf ?? ''}` : reader.own.leaf
}

/** The age of the storage, by its own records. */
interface Age {
  readonly anchor: Anchor
  readonly epoch: number
  readonly commit?: number | undefined
}

/** Whether the log, or a checkpoint of `signed` lines, refers to later states than the storage has. */
function olderStorage(
  { anchor, epoch, commit }: Age,
  signed: number,
  reader: LogReader | undefined,
): string | undefined {
  const [logCommit, logEpoch] = [reader?.commit ?? 0, reader?.opened.epoch ?? 0]
  const signs: readonly (readonly [boolean, string])[] = [
    [logCommit > (commit ?? Infinity), `the log has commit number ${logCommit}, the storage has ${commit}`],
    [logEpoch > epoch, `the log tells of unseal number ${logEpoch}, the storage knows of ${epoch}`],
    [signed > anchor.size, `a signed checkpoint speaks of ${signed} lines, the storage knows ${anchor.size}`],
  ]
  const sign = signs.find(([isNewer]) => isNewer)?.[1]
  return sign === undefined ? undefined : `${sign}: the storage is older than the log`
}

function missingCheckpoint({ signed: stored = 0 }: Anchor, signed: number): string | undefined {
  if (signed >= stored) return undefined
  const found = signed === 0 ? 'is none' : `is the newest one of ${signed}`
  return `the storage knows a signed checkpoint of ${stored} lines, and in the checkpoint files there ${found}: these files were removed or cut, or are older copies`
}

/** Evidence by size, then by importance. Lines that were not on disk may be lost after a restart of the machine. */
function findingOf(reader: LogReader, anchor: Anchor, claims: readonly Claim[], restarted: boolean): Finding {
  const failed = claims.filter((claim) => !holds(reader, claim))
  const serious = failed.filter(({ by }) => by !== 'storage' || !restarted)
  const [worst] = serious.sort((a, b) => a.size - b.size)
  if (reader.broken && (serious.length > 0 || reader.broken.size < anchor.size || failed.length === 0))
    return { reader, problem: `after line ${reader.broken.size}: ${reader.broken.why}` }
  if (worst) return { reader, problem: problemOf(reader, worst) }
  return failed.length > 0 ? { reader, lost: { after: anchor.synced.size, before: anchor.size + 1 } } : { reader }
}

function problemOf(reader: LogReader, { size, by }: Claim): string {
  if (isBefore(reader, size))
    return `the files with its first ${size} lines are not there, so what ${by} says cannot be checked; give the head of a later time`
  const who = by.startsWith('storage')
    ? 'the storage knows'
    : `${by === 'checkpoint' ? 'a signed checkpoint' : by} speaks of`
  // Lines that a sealed server has written after the damage are not counted: each attempt adds some.
  const { own } = reader
  if (own.size < size)
    return `it goes no further than line ${own.size}, but for lines of the sealed server, ${who} ${size}: lines were cut off its end`
  return `its first ${size} lines are not those that ${who}: lines were cut off its end, changed, or others were put in their place`
}

function holds(reader: LogReader, { size, leaf, root, by }: Claim): boolean {
  // Removed files are not damage. But an operator who passes a head expects either its verification or a failure.
  if (isBefore(reader, size)) return by !== 'expected_head'
  const point = reader.found.get(size)
  if (!point) return false
  const same = (bytes: Uint8Array, text: string | undefined) =>
    text === undefined || Buffer.from(bytes).toString('base64') === text
  return same(point.leaf, leaf) && same(point.root, root)
}

/** Lines before the first file that was read cannot be checked. */
function isBefore(reader: LogReader, size: number): boolean {
  return size < Math.min(...reader.found.keys())
}

function claimsOf({ size, leaf, root, synced }: Anchor): readonly Claim[] {
  return [
    { size: synced.size, leaf: synced.leaf, by: 'storage, synced' },
    { size, leaf, ...(root !== undefined && { root }), by: 'storage' },
  ]
}

const asClaim = ({ size, root }: Checkpoint): Claim => ({
  size,
  root: Buffer.from(root).toString('base64'),
  by: 'checkpoint',
})

/** Number of the file that has a line. */
function fileWith(files: readonly LogFile[], size: number): number {
  return files.findLast(({ begin }) => begin.size < size)?.begin.file ?? Infinity
}

/** Checkpoints of a log with signatures of its own keys, smallest first; those of long closed files are left out. */
async function checkpointsOf(
  anchor: Anchor,
  files: readonly LogFile[],
  keys: readonly VerifierKey[],
): Promise<readonly Checkpoint[]> {
  // A checkpoint is stored with the file of its lines, or a later one. Earlier releases named some after older files.
  const from = Math.min(anchor.file, fileWith(files, anchor.signed ?? anchor.size))
  const recent = files.filter(({ begin }) => begin.file >= from)
  const found = await checkpointsIn([anchor.target, ...recent.map(({ path }) => path)], anchor.log, keys)
  const older = files.filter(({ begin }) => begin.file < from).map(({ path }) => path)
  if (!found.some(({ size }) => size >= (anchor.signed ?? 0)))
    found.push(...(await checkpointsIn(older, anchor.log, keys)))
  return found.sort((a, b) => a.size - b.size)
}

/** The checkpoints beside log files that are signed by the keys of a log. */
async function checkpointsIn(
  logFiles: readonly string[],
  log: string,
  keys: readonly VerifierKey[],
): Promise<Checkpoint[]> {
  const found: Checkpoint[] = []
  for (const path of new Set(logFiles.map(checkpointFileOf))) {
    const text = await readFile(path, 'utf8').catch(() => '')
    for (const one of readCheckpoints(text))
      if (one && one.checkpoint.origin.endsWith(`/${log}`) && (signersOf(one.note, keys)?.length ?? 0) > 0)
        found.push(one.checkpoint)
  }
  return found
}

/**
 * Reads a log that the storage does not know. It may be taken over when it is whole from its first line on and no open
 * server has written to it yet.
 */
export async function checkUnknown(live: LogState, target: string): Promise<Finding> {
  const files = (await logFilesAt(target)).filter(({ begin }) => begin.log === live.id)
  if (live.size === 0) return {}
  const reader = await readThrough(files, 1, [], live)
  if (typeof reader === 'string') return { problem: reader }
  if (reader.broken) return { problem: `after line ${reader.broken.size}: ${reader.broken.why}` }
  if (reader.opened.count > 0) return { problem: 'it is the log of another storage' }
  return { reader }
}
