import { readCheckpoint } from './checkpoint.ts'
import type { SignedCheckpoint } from './checkpoint-file.ts'
import { noteText, readNote } from './note.ts'

/** A proof that a line is in a log (C2SP tlog-proof): its index from 0, the hashes, and the checkpoint they lead to. */
export interface InclusionProof extends SignedCheckpoint {
  readonly index: number
  /** The sibling of the leaf first. */
  readonly hashes: readonly Uint8Array[]
}

const head = 'c2sp.org/tlog-proof@v1'

/** The proof as a file (`.tlog-proof`). */
export function proofText({ index, hashes, note }: InclusionProof): string {
  const lines = hashes.map((hash) => `${Buffer.from(hash).toString('base64')}\n`)
  return `${head}\nindex ${index}\n${lines.join('')}\n${noteText(note)}`
}

/** Parses a proof file; undefined if it is malformed. Nothing is verified. */
export function readProof(text: string): InclusionProof | undefined {
  const end = text.indexOf('\n\n')
  const [first, ...lines] = end < 0 ? [] : text.slice(0, end).split('\n')
  if (lines[0]?.startsWith('extra ')) lines.shift()
  const [indexLine = '', ...encoded] = lines
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(indexLine)
  const hashes = encoded.map((line) => Buffer.from(line, 'base64'))
  const note = readNote(text.slice(end + 2))
  const checkpoint = note && readCheckpoint(note.text)
  if (first !== head || !index || !checkpoint) return undefined
  if (hashes.some((hash, at) => hash.length !== 32 || hash.toString('base64') !== encoded[at])) return undefined
  return { index: Number(index[1]), hashes, note, checkpoint }
}
