import type { SignedCheckpoint } from '../checkpoints/checkpoint-file.ts'
import { readCheckpoint } from '../checkpoints/checkpoint.ts'
import { noteText, readNote } from '../checkpoints/note.ts'

/** The request of a log to a witness (C2SP tlog-witness, `add-checkpoint`). */
interface Submission extends SignedCheckpoint {
  /** The log's assumption of the size that the witness has recorded. */
  readonly old: number
  /** Joins that size to the checkpoint's. */
  readonly hashes: readonly Uint8Array[]
}

const mostHashes = 63

/** The body of a submission. */
export function submissionText({ old, hashes, note }: Submission): string {
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`)
  return `old ${old}\n${lines.join('')}\n${noteText(note)}`
}

/** Parses a submission; undefined if it is malformed. Nothing is verified. */
export function readSubmission(text: string): Submission | undefined {
  const end = text.indexOf('\n\n')
  const [first = '', ...encoded] = end < 0 ? [] : text.slice(0, end).split('\n')
  const old = /^old (0|[1-9][0-9]{0,15})$/.exec(first)
  const hashes = encoded.map((line) => Buffer.from(line, 'base64'))
  if (!old || hashes.length > mostHashes) return undefined
  if (hashes.some((hash, at) => hash.length !== 32 || hash.toString('base64') !== encoded[at])) return undefined
  const note = readNote(text.slice(end + 2))
  const checkpoint = note && readCheckpoint(note.text)
  return note && checkpoint && { old: Number(old[1]), hashes, note, checkpoint }
}
