import { open } from 'node:fs/promises'
import type { Note } from './note.ts'
import { noteText, readNote } from './note.ts'
import type { VerifierKey } from './verifier-key.ts'
import { readVkey, vkeyText } from './verifier-key.ts'
import type { Checkpoint } from './checkpoint.ts'
import { readCheckpoint } from './checkpoint.ts'

/** The checkpoint file of a log file, closed (compressed or not) or live. */
export function checkpointFileOf(logFile: string): string {
  return `${logFile.replace(/\.gz$/, '')}.checkpoints`
}

/** The file with the public keys of the live log file at a path, and of all closed files beside it. */
export function vkeyFileOf(livePath: string): string {
  return `${livePath}.vkeys`
}

/** The name of a closed log file: the live path, the first eight digits of the log's id, and its line numbers. */
export function archiveOf(livePath: string, logId: string, first: number, last: number): string {
  return `${livePath}.${logId.slice(0, 8)}.${String(first).padStart(12, '0')}-${String(last).padStart(12, '0')}`
}

/** A checkpoint as it stands in a checkpoint file. */
export interface SignedCheckpoint {
  readonly note: Note
  readonly checkpoint: Checkpoint
}

/** A record of a checkpoint file: the note and an empty line. */
export function checkpointRecord(note: Note): string {
  return `${noteText(note)}\n`
}

/**
 * The checkpoints in the text of a checkpoint file, in its order. What is no checkpoint gives undefined in its place; a
 * record behind which the empty line is missing is being written, or was cut short by a crash, and is left out.
 */
export function readCheckpoints(text: string): readonly (SignedCheckpoint | undefined)[] {
  return recordsOf(text).map((record) => {
    const note = readNote(record)
    const checkpoint = note && readCheckpoint(note.text)
    return note && checkpoint && { note, checkpoint }
  })
}

/** Splits a checkpoint file into its complete records: a record ends at the empty line after its signatures. */
function recordsOf(text: string): readonly string[] {
  const records: string[] = []
  let [start, at] = [0, 0]
  let before: 'empty' | 'signature' | 'other' = 'other'
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
    const empty = end === at
    if (empty && before === 'signature') {
      records.push(text.slice(start, at))
      start = end + 1
    }
    const signature: boolean = before !== 'other' && text.startsWith('\u2014 ', at)
    before = empty ? 'empty' : signature ? 'signature' : 'other'
    at = end + 1
  }
  return records
}

/** Records are far shorter, bytes: after this, the file contains something else. */
export const longestRecord = 512 * 1024

/** The end of the last complete record in a part of a file (in latin1: the dash of a signature is three bytes). */
export function lastRecordEnd(text: string): number {
  for (let at = text.lastIndexOf('\n\n'); at > 0; at = text.lastIndexOf('\n\n', at - 1)) {
    const line = text.lastIndexOf('\n', at - 1) + 1
    if (text.startsWith('\u00e2\u0080\u0094 ', line)) return at + 2
  }
  return 0
}

/** Removes an incomplete record that a crash left at the end of a checkpoint file, so that the next one begins a new record. */
export async function cutHalfRecord(path: string): Promise<void> {
  const file = await open(path, 'r+').catch(() => undefined)
  if (!file) return
  try {
    const { size } = await file.stat()
    const from = Math.max(0, size - longestRecord)
    const end = Buffer.alloc(size - from)
    await file.read(end, 0, end.length, from)
    const whole = lastRecordEnd(end.toString('latin1'))
    if (whole < end.length && (whole > 0 || from === 0)) await file.truncate(from + whole)
  } finally {
    await file.close()
  }
}

/** A public key and the sizes of the checkpoints it may sign: from `from` up to but without `to`. */
export interface RangedKey {
  readonly key: VerifierKey
  readonly from: number
  /** Absent while the key is in use. */
  readonly to?: number
}

/** A line of a key file. */
export function rangedKeyLine({ key, from, to }: RangedKey): string {
  return `${from} ${to ?? '-'} ${vkeyText(key)}\n`
}

/** The keys of a key file; lines that begin with `#` are comments. @throws Error with the invalid line. */
export function readRangedKeys(text: string): readonly RangedKey[] {
  return text.split('\n').flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return []
    const found = /^(0|[1-9][0-9]{0,15}) (-|[1-9][0-9]{0,15}) (\S+)$/.exec(line)
    const key = readVkey(found?.[3] ?? '')
    if (!found || !key) throw new Error(`line ${index + 1} of the key file is not "from to vkey"`)
    const from = Number(found[1])
    return [found[2] === '-' ? { key, from } : { key, from, to: Number(found[2]) }]
  })
}

/** Whether a key may sign a checkpoint of this size. */
export function mayCover({ from, to }: RangedKey, size: number): boolean {
  return size >= from && (to === undefined || size < to)
}
