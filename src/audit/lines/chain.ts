import { hash } from 'node:crypto'
import { refuse } from '../../contract/fault.ts'
import { sha256 } from '../../crypto/fast/digest.ts'

/** A line's place in the chain: its number, counted from 1, and the leaf hash of the line before ('' for the first). */
export interface Link {
  readonly seq: number
  readonly prev: string
}

/** The RFC 6962 leaf hash of a line (without its line feed), SHA-256(0x00 ‖ line), in base64. */
export function leafHash(line: string): string {
  return hash('sha256', `\0${line}`, 'base64')
}

const tail = /,"chain":\{"seq":([1-9][0-9]{0,15}),"prev":"([A-Za-z0-9+/]{43}=|)"\}\}$/

/** The link at the end of a line, or undefined if there is none. */
export function linkOf(line: string): Link | undefined {
  const found = tail.exec(line.slice(-120))
  return found ? { seq: Number(found[1]), prev: found[2] as string } : undefined
}

/** The end of a chain, for the link of the next line. */
export const start: Link = { seq: 1, prev: '' }

/**
 * The value that the line after `line` must have.
 * @throws Fault if it is not a line of a chain: then another program wrote to this file, or changed it.
 */
export function after(line: string): Link {
  const link = linkOf(line)
  if (link) return { seq: link.seq + 1, prev: leafHash(line) }
  throw refuse('the audit file ends in a line that strongroom did not write; move the file away and try again')
}

/** Whole lines with their line feeds, the link that follows, and the lines' leaf hashes. */
export interface Chained {
  readonly text: string
  readonly next: Link
  readonly leaves: readonly Buffer[]
}

/** Finishes lines (JSON objects without their closing brace) with their links. */
export function chained(from: Link, open: readonly string[]): Chained {
  let { seq, prev } = from
  let text = ''
  const leaves: Buffer[] = []
  for (const line of open) {
    const whole = `${line},"chain":{"seq":${seq},"prev":"${prev}"}}`
    const leaf = sha256(`\0${whole}`)
    leaves.push(leaf)
    prev = leaf.toString('base64')
    seq++
    text += `${whole}\n`
  }
  return { text, next: { seq, prev }, leaves }
}
