import { isUtf8 } from 'node:buffer'

/** A signature line of a note: the key's name, and the bytes after the key's id. */
export interface NoteSignature {
  readonly name: string
  /** Eight hexadecimal digits. */
  readonly id: string
  readonly bytes: Uint8Array
}

/** A signed note (C2SP signed-note): its text with the last line feed, and its signatures. */
export interface Note {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** Longer notes are not read; a post-quantum signature has 3 KiB. */
const longest = 256 * 1024
const mostSignatures = 64
const control = /[\u0000-\u0009\u000b-\u001f\u007f]/
const line = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u

/** Parses a note; signatures are not verified. Undefined if it is not a note. */
export function readNote(encoded: Uint8Array | string): Note | undefined {
  if (encoded.length > longest || (typeof encoded !== 'string' && !isUtf8(encoded))) return undefined
  const whole = typeof encoded === 'string' ? encoded : Buffer.from(encoded).toString('utf8')
  const end = whole.lastIndexOf('\n\n')
  if (end < 0 || control.test(whole) || !whole.endsWith('\n')) return undefined
  const lines = whole.slice(end + 2, -1).split('\n')
  if (lines.length > mostSignatures) return undefined
  const signatures: NoteSignature[] = []
  for (const found of lines.map((text) => line.exec(text))) {
    const bytes = Buffer.from(found?.[2] ?? '', 'base64')
    if (!found || bytes.length < 5 || bytes.toString('base64') !== found[2]) return undefined
    signatures.push({ name: found[1] as string, id: bytes.toString('hex', 0, 4), bytes: bytes.subarray(4) })
  }
  return { text: whole.slice(0, end + 1), signatures }
}

/** A note as a string. */
export function noteText({ text, signatures }: Note): string {
  const lines = signatures.map(
    ({ name, id, bytes }) => `\u2014 ${name} ${Buffer.concat([Buffer.from(id, 'hex'), bytes]).toString('base64')}\n`,
  )
  return `${text}\n${lines.join('')}`
}
