import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import type { Begin } from '../lines/first-line.ts'
import { readBegin } from '../lines/first-line.ts'
import { linkOf } from '../lines/chain.ts'
import { Unreadable, rawLines } from './raw-lines.ts'

/** A file of audit lines, from its first line. */
export interface OfflineFile {
  readonly path: string
  /** The number of its first line; 0 where that cannot be read. */
  readonly first: number
  readonly begin: Begin | undefined
  /** The time of its first line, as written. */
  readonly time: string
  /** The parts of a closed file's name. */
  readonly archive: Archive | undefined
}

interface Archive {
  readonly live: string
  /** The first eight digits of the log's id. */
  readonly log: string
  readonly first: number
  readonly last: number
}

/** The files of one log, in order. */
export interface OfflineLog {
  /** Its id; '' for files of releases whose logs had none. */
  readonly id: string
  readonly files: readonly OfflineFile[]
}

const beside = /\.(checkpoints|vkeys|cosignatures|torn|next|tmp|reserve)$|\.aside-\d+$/

/** Whether a name is that of a file beside logs without lines. */
export function isNoLog(path: string): boolean {
  return beside.test(path)
}

/** Parses the name of a closed file (docs/formats.md). */
function archiveNamed(path: string): Archive | undefined {
  const found = /^(.+)\.([0-9a-f]{8})\.(\d{12,})-(\d{12,})(?:\.gz)?$/.exec(path)
  return found
    ? { live: found[1] as string, log: found[2] as string, first: Number(found[3]), last: Number(found[4]) }
    : undefined
}

/** The possible names of the live file for this one: suffixes are removed, as logrotate appends them. */
export function livePaths(path: string): readonly string[] {
  const archive = archiveNamed(path)
  const bare = path.replace(/\.gz$/, '')
  const shorter = [bare]
  for (let name = bare; /[.-][0-9.-]+$/.test(basename(name));)
    shorter.push((name = name.replace(/[.-][0-9]+$|[.-]+$/, '')))
  return archive ? [archive.live] : shorter
}

/** Groups files by log, each in the order of its lines; files without lines are left out. @throws if one cannot be read */
export async function offlineLogs(paths: readonly string[]): Promise<readonly OfflineLog[]> {
  const files: OfflineFile[] = []
  for (const path of new Set(paths.filter((one) => !isNoLog(one)))) files.push(await offlineFile(path))
  const ids = [...new Set(files.flatMap(({ begin }) => (begin ? [begin.log] : [])))]
  const groups = new Map<string, OfflineFile[]>()
  for (const file of files) {
    const id = file.begin?.log ?? logOf(file, ids, files)
    groups.set(id, [...(groups.get(id) ?? []), file])
  }
  const logs = [...groups].map(([id, own]) => ({ id, files: own.sort((a, b) => orderOf(a) - orderOf(b)) }))
  return logs.sort((a, b) => ((a.files[0]?.time ?? '') < (b.files[0]?.time ?? '') ? -1 : 1))
}

const orderOf = ({ first, archive }: OfflineFile): number => (first === 0 ? (archive?.first ?? Infinity) : first)

/** The log of a file whose first line does not name it: the one in its name, or the one of the preceding lines. */
function logOf(file: OfflineFile, ids: readonly string[], files: readonly OfflineFile[]): string {
  const named = ids.find((id) => file.archive && id.startsWith(file.archive.log))
  if (named !== undefined) return named
  const before = files.find(({ begin, first }) => begin && first < orderOf(file))
  return before?.begin?.log ?? ''
}

async function offlineFile(path: string): Promise<OfflineFile> {
  const text = await firstLine(path)
  const time = /^\{"time":"([^"]{1,40})"/.exec(text)?.[1] ?? ''
  return { path, first: linkOf(text)?.seq ?? 0, begin: readBegin(text)?.begin, time, archive: archiveNamed(path) }
}

/** Empty if none can be read: further reads report the reason. */
async function firstLine(path: string): Promise<string> {
  try {
    for await (const [line] of rawLines(path, undefined, 16 * 1024)) return line?.bytes.toString('utf8', 1) ?? ''
  } catch (thrown) {
    if (!(thrown instanceof Unreadable)) throw thrown
  }
  return ''
}

/** Whether a log continues in an existing live file that was not given. */
export function continuesBeside({ path, archive }: OfflineFile, paths: ReadonlySet<string>): boolean {
  const live = archive ? [archive.live] : livePaths(path).slice(1)
  return live.some((name) => !paths.has(name) && existsSync(name))
}
